"""The agent's own decisions: what it refuses, when it gives up, how much a source may read."""

import asyncio
import os
from pathlib import Path

import pytest

from shipper.agent import OWN_ROOM, PATIENCE, SHARED_ROOM, Agent, _Patience
from shipper.config.loading import load
from shipper.config.model import Config
from shipper.errors import ConfigError, JournalLocked


def config(root: Path, *names: str, kind: str = "file") -> Config:
    where = f'paths = ["{root}/logs/*.log"]' if kind == "file" else ""
    sources = "".join(
        f'[[source]]\nname = "{name}"\ntype = "{kind}"\n{where}\nlabels = {{ job = "{name}" }}\n' for name in names
    )
    path = root / "shipper.toml"
    path.write_text(f'[loki]\nurl = "http://127.0.0.1:9"\n[agent]\ndata_dir = "{root}/state"\nlisten = ""\n{sources}')
    return load(path, os.environ)


def test_a_docker_source_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="collecting from Docker is not there yet"):
        Agent(config(tmp_path, "containers", kind="docker"))
    assert not (tmp_path / "state").exists()


def test_patience_runs_out_only_while_nothing_moves_and_something_fails() -> None:
    now = 0.0
    patience = _Patience(PATIENCE, lambda: now)
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
            assert agent._room_for("stuck") == SHARED_ROOM
            agent.delivery._settlement._outstanding["stuck"] = SHARED_ROOM
            assert agent._room_for("stuck") == 0
            assert agent._room_for("free") == OWN_ROOM

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
            outcome = await asyncio.wait_for(running, 8)
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
