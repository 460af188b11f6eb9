"""Reload in the agent itself: in turn, as a whole, with the books balanced at every moment."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from shipper.agent import Agent
from shipper.cli.log import Log
from shipper.config.changes import Changes
from shipper.config.loading import load, load_beside
from shipper.config.model import Config
from shipper.errors import ConfigError, UsageError
from shipper.metrics import render
from shipper.reload import Loader
from shipper.sources.file.source import FileSource

NOWHERE = "http://127.0.0.1:9"


class File:
    """A shipper.toml that is written again and again."""

    def __init__(self, root: Path) -> None:
        self.path = root / "shipper.toml"
        self.root = root
        self.accepted: list[Config] = []
        (root / "logs").mkdir()

    def write(self, *names: str, loki: str = "", agent: str = "") -> None:
        sources = "".join(
            f'[[source]]\nname = "{name}"\ntype = "file"\npaths = ["{self.root}/logs/{name}.log"]\n' for name in names
        )
        self.path.write_text(
            f'[loki]\nurl = "{NOWHERE}"\n{loki}\n[agent]\ndata_dir = "{self.root}/state"\nlisten = ""\n{agent}\n'
            f"{sources}"
        )

    def append(self, name: str, text: str) -> None:
        with (self.root / "logs" / f"{name}.log").open("a") as file:
            file.write(text)

    def run(self, scenario: Callable[[Agent], Coroutine[Any, Any, None]], **options: Any) -> None:
        """Run an agent of this file while the scenario lasts."""
        loader = Loader(lambda running: load_beside(running, self.path, os.environ), self.accepted.append)

        async def main() -> None:
            config = load(self.path, os.environ)
            async with Agent(config, loader=loader, assert_books=True, **options) as agent:
                running = asyncio.create_task(agent.run())
                try:
                    async with asyncio.timeout(30):
                        await scenario(agent)
                finally:
                    agent.stop()
                    await running

        asyncio.run(main())


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path)


async def until(check: Callable[[], bool]) -> None:
    while not check():  # noqa: ASYNC110 - books and failures are polled by whoever shows them
        await asyncio.sleep(0.01)


def test_a_source_that_is_taken_out_stays_in_the_books_until_it_is_settled(file: File) -> None:
    file.write("app", "web")
    file.append("app", "one\ntwo\n")
    file.append("web", "one\n")

    async def scenario(agent: Agent) -> None:
        await until(lambda: agent.ledger.account("app").read == 2 and agent.ledger.account("web").read == 1)
        file.write("web")
        assert (await agent.reload()).changes == Changes(removed=("app",))
        file.append("app", "three\n")
        file.append("web", "two\n")
        await until(lambda: agent.ledger.account("web").read == 2)
        told = render(agent.observe())
        assert 'shipper_lines_in_flight{source="app"} 2\n' in told
        assert 'shipper_lag_bytes{source="app"} 8\n' in told
        assert [progress.source for progress in agent.progress()] == ["web"]
        file.write("app", "web")
        assert (await agent.reload()).changes == Changes(added=("app",))
        await until(lambda: agent.ledger.account("app").read == 3)

    file.run(scenario)


def test_what_a_source_reads_while_loki_is_away_is_read_once_whatever_changes(file: File) -> None:
    file.write("app")
    file.append("app", "one\n")

    async def scenario(agent: Agent) -> None:
        for turn in range(2, 6):
            await until(lambda turn=turn: agent.ledger.account("app").read == turn - 1)  # type: ignore[misc]
            file.write("app", agent=f'max_line_bytes = "{turn}KiB"')
            assert (await agent.reload()).changes.changed == ("app",)
            file.append("app", f"line {turn}\n")
        await until(lambda: agent.ledger.account("app").read == 5)
        assert agent.ledger.account("app").in_flight == 5

    file.run(scenario)


def test_sources_are_shown_in_the_order_of_the_configuration_in_force(file: File) -> None:
    file.write("app", "web")

    async def scenario(agent: Agent) -> None:
        file.write("api", "web", "app")
        assert (await agent.reload()).changes == Changes(added=("api",))
        await until(lambda: len(agent.collectors) == 3)
        assert list(agent.collectors) == ["api", "web", "app"]

    file.run(scenario)


def test_reloads_at_once_are_made_in_turn_and_a_refused_one_changes_nothing(file: File) -> None:
    file.write("app")

    async def scenario(agent: Agent) -> None:
        file.write("app", "web")
        first, second = await asyncio.gather(agent.reload(), agent.reload())
        assert (first.changes, second.changes) == (Changes(added=("web",)), Changes())
        file.path.write_text("[[source]]\n[loki]\nurl = 1\n")
        refused = (await agent.reload()).refused
        assert isinstance(refused, ConfigError)
        assert len(refused.problems) > 1
        assert [failure.name for failure in agent.failures.current() if failure.name.startswith("reload")]
        assert len(file.accepted) == 2
        await until(lambda: [progress.source for progress in agent.progress()] == ["app", "web"])
        file.write("app", loki='tls = { ca_file = "/nowhere.pem" }\nproxy_url = ""')
        assert (await agent.reload()).refused is not None
        file.write("app")
        assert (await agent.reload()).changes == Changes(removed=("web",))
        assert "reload_refused" not in {failure.name for failure in agent.failures.current()}

    file.run(scenario)


@pytest.mark.parametrize("whose", ["loki.tls", "tls of source containers"])
def test_certificates_that_cannot_be_used_are_refused_before_anything_is_touched(file: File, whose: str) -> None:
    file.write("app")
    tls = f'tls = {{ ca_file = "{file.path}" }}\n'
    source = '[[source]]\nname = "containers"\ntype = "docker"\nhost = "https://127.0.0.1:9"\n'

    async def scenario(agent: Agent) -> None:
        before = agent.config
        if whose == "loki.tls":
            file.path.write_text(file.path.read_text().replace(f'"{NOWHERE}"', f'"https://127.0.0.1:9"\n{tls}'))
        else:
            file.path.write_text(file.path.read_text() + source + tls)
        refused = (await agent.reload()).refused
        assert isinstance(refused, ConfigError)
        assert refused.message.startswith(f"{whose}: ca_file {file.path} cannot be used: ")
        assert agent.config is before

    file.run(scenario)


def test_a_step_that_does_not_return_is_left_to_its_thread(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr("shipper.runner.LAST_STEP", 0.1)
    file.write("app")
    file.append("app", "one\n")
    release, step = threading.Event(), FileSource.step
    hung: list[FileSource] = []

    def hang(self: FileSource, budget: int) -> Any:
        if not hung or self is hung[0]:
            hung[:] = [self]
            release.wait(60)
        return step(self, budget)

    monkeypatch.setattr(FileSource, "step", hang)

    async def scenario(agent: Agent) -> None:
        await until(lambda: bool(hung))
        file.write("app", agent='max_line_bytes = "2KiB"')
        await agent.reload()
        await until(lambda: agent.ledger.account("app").read == 1)
        release.set()
        file.append("app", "two\n")
        await until(lambda: agent.ledger.account("app").read == 2)

    file.run(scenario)


def test_a_run_that_ends_by_itself_and_one_that_is_ending_do_not_reload(file: File) -> None:
    file.write("app")

    async def once(agent: Agent) -> None:
        refused = (await agent.reload()).refused
        assert isinstance(refused, UsageError)
        assert "--once" in refused.message

    file.run(once, once=True)

    async def ending(agent: Agent) -> None:
        agent.stop()
        await asyncio.sleep(0.2)
        assert "ending" in str((await agent.reload()).refused)

    file.run(ending)
    assert file.accepted == []


def test_level_and_secrets_of_the_log_follow_and_earlier_secrets_stay_masked(
    file: File, capsys: pytest.CaptureFixture[str]
) -> None:
    import structlog

    file.write("app", loki='headers = { X-Key = "first-secret" }', agent='log = { level = "warning", format = "json" }')
    logger = structlog.get_logger("shipper")
    try:
        log = Log(load(file.path, os.environ))
        logger.info("quiet")
        file.write(
            "app", loki='headers = { X-Key = "second-secret" }', agent='log = { level = "info", format = "json" }'
        )
        log.follow(load(file.path, os.environ))
        logger.info("told", what="first-secret and second-secret")
    finally:
        structlog.reset_defaults()
    said = capsys.readouterr().err
    assert "quiet" not in said
    assert '"what":"*** and ***"' in said


def test_reloaded_is_logged_with_what_changed(file: File) -> None:
    file.write("app")

    async def scenario(agent: Agent) -> None:
        file.write("web", loki="max_in_flight = 2")
        await agent.reload()

    with capture_logs() as logged:
        file.run(scenario)
    assert [event for event in logged if event["event"] == "reloaded"] == [
        {"event": "reloaded", "log_level": "info", "added": ["web"], "removed": ["app"], "keys": ["loki.max_in_flight"]}
    ]
