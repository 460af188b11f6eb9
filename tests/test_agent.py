"""The agent's own decisions: what it refuses, when it gives up, how much a source may read."""

import asyncio
import os
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from shipper.agent import PATIENCE, Agent
from shipper.config.loading import load
from shipper.config.model import Config, DockerSource
from shipper.errors import ConfigError, JournalLocked
from shipper.metrics import render
from shipper.outcome import Patience
from shipper.process import _run, run
from shipper.room import OWN_ROOM, SHARED_ROOM, STEPS_BYTES
from shipper.sources.file.source import FileSource


def config(root: Path, *names: str) -> Config:
    where = f'paths = ["{root}/logs/*.log"]'
    sources = "".join(
        f'[[source]]\nname = "{name}"\ntype = "file"\n{where}\nlabels = {{ job = "{name}" }}\n' for name in names
    )
    path = root / "shipper.toml"
    path.write_text(f'[loki]\nurl = "http://127.0.0.1:9"\n[agent]\ndata_dir = "{root}/state"\nlisten = ""\n{sources}')
    return load(path, os.environ)


def test_an_engine_that_is_not_there_is_named_and_does_not_keep_files_from_being_read(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "app.log").write_text("one\n")
    file = config(tmp_path, "app").sources
    docker = DockerSource(name="containers", host=f"unix://{tmp_path}/docker.sock", labels={"job": "containers"})

    async def run() -> None:
        both = msgspec.structs.replace(config(tmp_path, "app"), sources=(*file, docker))
        async with Agent(both) as agent:
            running = asyncio.create_task(agent.run())
            while len(agent.failures.current()) < 2 or not agent.ledger.account("app").read:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            agent.stop()
            outcome = await asyncio.wait_for(running, 30)
        assert {failure.name for failure in outcome.failures} == {"docker_unreachable", "loki_unreachable"}
        assert [(progress.source, progress.unit, progress.files) for progress in outcome.progress] == [
            ("app", "file", 1),
            ("containers", "container", 0),
        ]

    asyncio.run(run())


def test_patience_runs_out_only_while_nothing_moves_and_something_fails() -> None:
    now = 0.0
    patience = Patience(PATIENCE, lambda: now)
    assert not patience.exhausted(5, failing=True)
    now = PATIENCE + 1
    assert not patience.exhausted(6, failing=True)
    now += PATIENCE + 1
    assert not patience.exhausted(6, failing=False)
    now += PATIENCE + 1
    assert patience.exhausted(6, failing=True)


def test_a_source_has_room_of_its_own_when_another_has_used_up_the_shared_room(tmp_path: Path) -> None:
    async def run() -> None:
        async with Agent(config(tmp_path, "stuck", "free")) as agent:
            assert agent.fleet.room_for("stuck") == STEPS_BYTES // 2
            agent.delivery._settlement._outstanding["stuck"] = SHARED_ROOM
            assert agent.fleet.room_for("stuck") == 0
            assert agent.fleet.room_for("free") == OWN_ROOM

    asyncio.run(run())


def test_a_run_that_cannot_deliver_keeps_everything_and_stops_in_time(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "app.log").write_text("one\ntwo\n")

    async def run() -> None:
        async with Agent(config(tmp_path, "app")) as agent:
            running = asyncio.create_task(agent.run())
            while not agent.failures.current():  # noqa: ASYNC110 - failures are polled by whoever shows them
                await asyncio.sleep(0.01)
            agent.stop()
            outcome = await asyncio.wait_for(running, 30)
        assert outcome.code == 0
        assert [failure.name for failure in outcome.failures] == ["loki_unreachable"]
        account = agent.ledger.account("app")
        assert (account.read, account.in_flight, account.imbalance) == (2, 2, 0)

    asyncio.run(run())


def test_an_agent_that_cannot_start_gives_its_lock_back(tmp_path: Path) -> None:
    async def run() -> None:
        async with Agent(config(tmp_path, "app")):
            with pytest.raises(JournalLocked):
                async with Agent(config(tmp_path, "app")):
                    pass
        async with Agent(config(tmp_path, "app")) as agent:
            assert agent.journal.first_start("app") is False

    asyncio.run(run())


def test_a_source_does_not_change_its_type_under_one_name(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "app.log").write_text("one\n")
    docker = DockerSource(name="app", host=f"unix://{tmp_path}/docker.sock")

    async def run() -> None:
        async with Agent(config(tmp_path, "app"), once=True) as agent:
            running = asyncio.create_task(agent.run())
            while not agent.journal.known("app"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            agent.stop()
            await running
        with pytest.raises(ConfigError) as caught:
            async with Agent(msgspec.structs.replace(config(tmp_path, "app"), sources=(docker,))):
                pass
        assert caught.value.message == (
            'source app: it is of type "docker", and the journal has its positions from when it was of type "file"'
        )
        assert "shipper positions reset app" in caught.value.hint

    asyncio.run(run())


def test_started_is_logged_once_the_start_has_happened_and_stopped_once_all_is_closed(tmp_path: Path) -> None:
    settings = config(tmp_path, "app")

    async def beside_another() -> None:
        async with Agent(settings):
            with pytest.raises(JournalLocked):
                await _run(settings, once=True, on_progress=None)

    with capture_logs() as logged:
        asyncio.run(beside_another())
    assert logged == []
    with capture_logs() as logged:
        outcome = run(settings, once=True)
    assert outcome.code == 0
    assert logged == [
        {
            "event": "started",
            "log_level": "info",
            "sources": 1,
            "loki": "http://127.0.0.1:9",
            "data_dir": f"{tmp_path}/state",
        },
        {"event": "stopped", "log_level": "info", "exit_code": 0},
    ]


def test_a_source_that_looked_without_room_while_the_last_push_was_settled_is_not_held_back(tmp_path: Path) -> None:
    async def run_once() -> int:
        async with Agent(config(tmp_path, "app"), once=True) as agent:
            drain = agent.delivery.drain

            async def with_a_look() -> None:
                await drain()
                agent.fleet._runners["app"].idle = False

            agent.delivery.drain = with_a_look  # type: ignore[method-assign]
            return (await asyncio.wait_for(agent.run(), 30)).code

    assert asyncio.run(run_once()) == 0


def test_a_journal_that_failed_is_well_again_only_once_something_was_written(tmp_path: Path) -> None:
    async def run() -> None:
        async with Agent(config(tmp_path, "app")) as agent:
            await agent._housekeeping().flush()
            agent.failures.begin("journal_write", "database or disk is full")
            await agent._housekeeping().flush()
            assert [failure.name for failure in agent.failures.current()] == ["journal_write"]
            agent.journal.open_source("app", "epoch", b"{}")
            await agent._housekeeping().flush()
            assert agent.failures.current() == ()

    asyncio.run(run())


def test_what_a_run_did_can_be_measured(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "app.log").write_text("one\ntwo\n")

    async def run_until_it_fails() -> str:
        async with Agent(config(tmp_path, "app")) as agent:
            running = asyncio.create_task(agent.run())
            while not agent.failures.current():  # noqa: ASYNC110 - failures are polled by whoever shows them
                await asyncio.sleep(0.01)
            told = render(agent.observe())
            agent.stop()
            await asyncio.wait_for(running, 30)
            return told

    told = asyncio.run(run_until_it_fails()).splitlines()
    assert [line for line in told if line.startswith(("shipper_l", "shipper_f", "shipper_streams"))] == [
        'shipper_lines_read_total{source="app"} 2',
        'shipper_lines_delivered_total{source="app"} 0',
        'shipper_lines_in_flight{source="app"} 2',
        'shipper_lag_bytes{source="app"} 8',
        'shipper_files_open{source="app"} 1',
        'shipper_streams{source="app"} 1',
        "shipper_last_push_success_timestamp_seconds 0.0",
        'shipper_failures{name="loki_unreachable",source=""} 1',
    ]


def test_a_source_whose_attendant_fails_is_named_and_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "logs").mkdir()
    log = tmp_path / "logs" / "app.log"
    log.touch()  # a line that was handed over would keep the source waiting for Loki
    attended: list[str] = []

    async def attend(self: FileSource, wake: asyncio.Event, thread: object) -> None:
        attended.append(self.name)
        if len(attended) == 1:
            raise RuntimeError("on demand")
        await asyncio.Event().wait()

    monkeypatch.setattr(FileSource, "attend", attend)

    async def run() -> None:
        async with Agent(config(tmp_path, "app")) as agent:
            running = asyncio.create_task(agent.run())
            while len(attended) < 2:  # noqa: ASYNC110 - nothing tells of a source made anew
                await asyncio.sleep(0.005)
            log.write_text("one\n")
            while not agent.ledger.account("app").read:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            agent.stop()
            await asyncio.wait_for(running, 30)

    with capture_logs() as logged:
        asyncio.run(run())
    assert "source_failed" in [entry["event"] for entry in logged]
