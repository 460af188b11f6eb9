"""Exactly once through kills, restarts, rotations and a Loki that fails."""

import os
import random
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

SOURCE = """
[[source]]
name = "app"
type = "file"
paths = ["{logs}/*.log"]
pipeline = "plaintext"
filename_label = false
"""


def write(path: Path, lines: list[str]) -> None:
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def numbered(start: int, stop: int) -> list[str]:
    return [f"line {number:07d} {'x' * (number % 97)}" for number in range(start, stop)]


def test_stop_and_start_between_lines_loses_and_doubles_nothing(world) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE)
    path = world.logs / "app.log"
    lines = numbered(0, 400)
    for at in range(0, 400, 100):
        write(path, lines[at : at + 50])
        world.start()
        write(path, lines[at + 50 : at + 100])
        world.expect(world.selector(), lines[: at + 100])
        assert world.stop() == 0
    world.start()
    world.expect(world.selector(), lines)


@pytest.mark.parametrize("kind", ["stall_after", "reset_after"])
def test_a_kill_between_push_and_commit_doubles_nothing(world, kind: str) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE)
    lines = numbered(0, 3000)
    world.relay.fail(kind)
    write(world.logs / "app.log", lines)
    world.start()
    wait_for(lambda: world.relay.accepted >= 1)
    world.kill()
    world.relay.heal()
    world.start()
    world.expect(world.selector(), lines)


def test_kills_at_random_moments_lose_and_double_nothing(world) -> None:  # type: ignore[no-untyped-def]
    seed = int(os.environ.get("SHIPPER_TEST_SEED", str(time.time_ns() % 10**6)))
    print("seed", seed)
    chance = random.Random(seed)
    world.configure(SOURCE)
    path, written = world.logs / "app.log", 10
    write(path, numbered(0, written))
    assert world.run("run", "--once").returncode == 0
    for _ in range(8):
        world.start()
        until = time.monotonic() + chance.uniform(0.3, 1.5)
        while time.monotonic() < until:
            count = chance.randrange(1, 200)
            write(path, numbered(written, written + count))
            written += count
            if chance.random() < 0.15:
                path.rename(world.logs / f"app.log.{written}")
            time.sleep(0.01)
        world.kill()
    world.start()
    lines = numbered(0, written)
    world.settle()
    got = world.loki.lines(world.selector())
    missing = sorted(set(lines) - set(got))
    assert (missing[:3], len(missing), len(got) - len(set(got))) == ([], 0, 0)
    assert sorted(got) == lines
    assert world.loki.count(world.selector()) == written


@pytest.mark.parametrize("kind", ["500", "500_after", "reset_after", "stall_after", "429", "401"])
def test_each_failure_of_a_push_is_survived_exactly_once(world, kind: str) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE)
    lines = numbered(0, 2000)
    world.relay.fail(kind, 1 if kind.endswith("_after") else 2)
    write(world.logs / "app.log", lines)
    world.start()
    world.expect(world.selector(), lines)
    assert world.relay.waiting == 0


def test_a_loki_that_is_away_for_a_while_gets_everything_in_the_end(world) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE, url="http://127.0.0.1:9")
    lines = numbered(0, 500)
    write(world.logs / "app.log", lines[:250])
    world.start()
    wait_for(lambda: "loki_unreachable" in world.agent_log())
    write(world.logs / "app.log", lines[250:])
    assert world.stop() == 0
    world.configure(SOURCE)
    world.start()
    world.expect(world.selector(), lines)


def test_rotation_by_rename_in_a_storm_loses_nothing(world) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE)
    path = world.logs / "app.log"
    write(path, numbered(0, 10))
    world.start()
    world.expect(world.selector(), numbered(0, 10))
    for at in range(10, 3010, 100):
        write(path, numbered(at, at + 100))
        for number in range(at // 100, 0, -1):
            older = world.logs / f"app.log.{number}"
            if older.exists():
                older.rename(world.logs / f"app.log.{number + 1}")
        path.rename(world.logs / "app.log.1")
        time.sleep(0.02)
    world.expect(world.selector(), numbered(0, 3010))


def test_what_was_rotated_while_the_agent_was_down_is_shipped(world) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE)
    path = world.logs / "app.log"
    lines = numbered(0, 500)
    write(path, lines[:100])
    world.start()
    world.expect(world.selector(), lines[:100])
    world.stop()
    write(path, lines[100:200])
    path.rename(world.logs / "app.log.2")
    write(path, lines[200:300])
    path.rename(world.logs / "app.log.1")
    write(path, lines[300:500])
    world.start()
    world.expect(world.selector(), lines)


def test_what_rotated_while_the_agent_was_down_is_shipped_though_the_file_it_knew_is_deleted(world) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE)
    path = world.logs / "app.log"
    lines = numbered(0, 400)
    write(path, lines[:100])
    world.start()
    world.expect(world.selector(), lines[:100])
    world.stop()
    path.unlink()
    write(path, lines[100:200])
    path.rename(world.logs / "app.log.2")
    write(path, lines[200:300])
    path.rename(world.logs / "app.log.1")
    write(path, lines[300:400])
    world.start()
    world.expect(world.selector(), lines)


def test_copytruncate_behind_a_loki_that_is_down_loses_nothing(world) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE)
    path = world.logs / "app.log"
    lines = numbered(0, 600)
    write(path, lines[:100])
    world.start()
    world.expect(world.selector(), lines[:100])
    world.stop()
    write(path, lines[100:400])
    (world.logs / "app.log.1").write_bytes(path.read_bytes())
    path.write_bytes(b"")
    write(path, lines[400:600])
    world.start()
    world.expect(world.selector(), lines)


def test_equal_lines_stay_as_many_as_they_are(world) -> None:  # type: ignore[no-untyped-def]
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = f'{{"event": "tick", "level": "info", "timestamp": "{now}"}}'
    write(world.logs / "app.log", [line] * 500)
    world.configure(SOURCE.replace("plaintext", "json"))
    done = world.run("run", "--once")
    assert done.returncode == 0, done.stderr.decode()
    world.expect(world.selector(level="info"), [line] * 500)


def test_a_second_agent_on_the_same_data_dir_is_refused(world) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE)
    write(world.logs / "app.log", numbered(0, 1))
    world.start()
    world.expect(world.selector(), numbered(0, 1))
    done = world.run("run")
    assert done.returncode == 1
    assert b"another shipper" in done.stderr
    assert b"data_dir" in done.stderr


def test_a_damaged_journal_is_named_and_set_aside(world) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE)
    state = world.root / "state"
    state.mkdir(mode=0o700)
    (state / "journal.db").write_bytes(b"damage " * 1000)
    write(world.logs / "app.log", numbered(0, 10))
    world.start()
    world.expect(world.selector(), numbered(0, 10))
    assert "journal_corrupt" in world.agent_log()
    assert [path.name for path in state.glob("*damaged*")]


def test_an_unreadable_file_is_named_and_the_others_flow(world) -> None:  # type: ignore[no-untyped-def]
    (world.logs / "folder.log").mkdir()
    (world.logs / "dangling.log").symlink_to(world.logs / "nowhere")
    write(world.logs / "app.log", numbered(0, 10))
    world.configure(SOURCE)
    world.start()
    world.expect(world.selector(), numbered(0, 10))
    wait_for(lambda: "symlink_dangling" in world.agent_log() and "not_a_regular_file" in world.agent_log())


def wait_for(check, seconds: float = 30.0) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.01)
