"""SIGHUP to the real agent: what changes, what stays, and what is refused; nothing is lost and nothing doubled."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from tests.e2e.conftest import World, eventually

pytestmark = pytest.mark.e2e

APP = '[[source]]\nname = "app"\ntype = "file"\npaths = ["{logs}/app.log"]\npipeline = "plaintext"\n'
OTHER = '[[source]]\nname = "other"\ntype = "file"\npaths = ["{logs}/other.log"]\npipeline = "plaintext"\n'
AS_JSON = 'log = { format = "json" }'


def labelled(source: str, job: str) -> str:
    return f'{source}labels = {{ job = "{job}" }}\n'


def append(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))


def events(world: World, name: str) -> list[dict[str, object]]:
    said = [json.loads(line) for line in world.agent_log().splitlines() if line.startswith("{")]
    return [event for event in said if event["event"] == name]


def reload(world: World, name: str = "reloaded") -> dict[str, object]:
    """Send SIGHUP; what was logged of it."""
    assert world.process is not None
    before = len(events(world, name))
    world.process.send_signal(signal.SIGHUP)
    eventually(lambda: len(events(world, name)) > before, name)
    return {key: value for key, value in events(world, name)[-1].items() if key not in ("timestamp", "level", "event")}


def start(world: World, sources: str, **settings: str) -> None:
    world.configure(sources, agent=AS_JSON, **settings)
    world.start()
    eventually(lambda: bool(events(world, "started")), "the agent is at work")


def test_sources_are_changed_added_and_taken_out_while_another_does_not_notice(world: World) -> None:
    for name in ("app", "other", "kept", "new"):
        append(world.logs / f"{name}.log", f"{name} 1")
    kept = labelled(OTHER.replace("other", "kept"), "kept")
    start(world, labelled(APP, "before") + labelled(OTHER, "other") + kept)
    world.await_entries(3)
    append(world.logs / "kept.log", "kept 2")
    with (world.logs / "kept.log").open("a") as file:
        file.write("kept 3, half ")
    world.await_entries(4)

    world.configure(labelled(APP, "after") + labelled(OTHER.replace("other", "new"), "new") + kept, agent=AS_JSON)
    assert reload(world) == {"added": ["new"], "removed": ["other"], "changed": ["app"]}
    append(world.logs / "app.log", "app 2")
    append(world.logs / "other.log", "other 2")
    append(world.logs / "new.log", "new 2")
    append(world.logs / "kept.log", "and whole")
    world.expect(world.selector(job="before"), ["app 1"])
    world.expect(world.selector(job="after"), ["app 2"])
    world.expect(world.selector(job="new"), ["new 1", "new 2"])
    world.expect(world.selector(job="kept"), ["kept 1", "kept 2", "kept 3, half and whole"])
    world.expect(world.selector(job="other"), ["other 1"])

    world.configure(labelled(APP, "after") + labelled(OTHER, "other"), agent=AS_JSON)
    assert reload(world) == {"added": ["other"], "removed": ["new", "kept"]}
    world.expect(world.selector(job="other"), ["other 1", "other 2"])
    assert world.stop() == 0


def test_an_invalid_configuration_is_refused_as_a_whole_and_the_old_one_runs_on(world: World) -> None:
    start(world, labelled(APP, "app"))
    good = world.config.read_text()
    world.config.write_text(good.replace('pipeline = "plaintext"', 'pipelin = "plaintext"\npaths = 7'))
    first = reload(world, "reload_refused")
    assert "Cannot overwrite a value" in str(first["detail"])
    moved = good.replace(f'data_dir = "{world.root}/state"', f'data_dir = "{world.root}/other"').replace(
        "plaintext", "no"
    )
    world.config.write_text(moved)
    assert "source[0].pipeline" in str(reload(world, "reload_refused")["detail"])
    world.config.write_text(moved.replace('"no"', '"plaintext"'))
    assert str(reload(world, "reload_refused")["detail"]).endswith(
        f'agent.data_dir: expected "{world.root}/state" as before: it changes only with a restart of the agent'
    )
    append(world.logs / "app.log", "one")
    world.expect(world.selector(job="app"), ["one"])
    world.config.write_text(good)
    assert reload(world) == {}
    assert len(events(world, "reload_refused_over")) == 1
    assert world.stop() == 0


def test_a_wrong_address_that_is_mended_delivers_at_once_what_waited(world: World) -> None:
    append(world.logs / "app.log", "one", "two")
    backoff = 'backoff = { min = "30s", max = "30s" }'
    world.configure(labelled(APP, "app"), agent=AS_JSON, url="http://127.0.0.1:9")
    slow = world.config.read_text().replace('backoff = { min = "20ms", max = "300ms" }', backoff)
    world.config.write_text(slow)
    world.start()
    eventually(lambda: bool(events(world, "loki_unreachable")), "Loki is unreachable")
    world.config.write_text(slow.replace("http://127.0.0.1:9", world.relay.url))
    assert reload(world) == {"keys": ["loki.url"]}
    eventually(lambda: len(world.loki.entries(world.selector())) == 2, "both lines are there", 10)
    append(world.logs / "app.log", "three")
    world.expect(world.selector(job="app"), ["one", "two", "three"])
    assert len(events(world, "loki_unreachable_over")) == 1
    assert world.stop() == 0
