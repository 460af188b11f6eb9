"""What the file system takes while Loki is down, counted in the journal over kills."""

import json
import os

import pytest
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e

SOURCE = """
[[source]]
name = "app"
type = "file"
paths = ["{logs}/*.log"]
pipeline = "plaintext"
filename_label = false
"""
NOTHING = '{"positions": [], "sources": []}'
"""What is known before there is a journal."""
DOWN = "http://127.0.0.1:9"
BLOCK = "".join(f"line {number:07d}\n" for number in range(1000)).encode()


def on_disk(world) -> dict[str, object]:  # type: ignore[no-untyped-def]
    return json.loads(world.run("positions", "--json").stdout or NOTHING)  # type: ignore[no-any-return]


def seen(world) -> int:  # type: ignore[no-untyped-def]
    return sum(one["size"] for one in on_disk(world)["positions"])


def lost(world) -> tuple[int, int]:  # type: ignore[no-untyped-def]
    sources = on_disk(world)["sources"]
    return sum(one["truncated_unread"] for one in sources), sum(one["replay_missing"] for one in sources)


def look_again(world, name: str) -> None:  # type: ignore[no-untyped-def]
    """Wait until the running agent has looked at everything once more."""
    (world.logs / name).write_bytes(b"")
    eventually(lambda: name in str(on_disk(world)), f"{name} is known")


def look_around(world, name: str) -> None:  # type: ignore[no-untyped-def]
    """Start, and wait until this life has looked at everything."""
    world.start()
    look_again(world, name)


@pytest.mark.parametrize("taken", ["truncated", "deleted"])
def test_what_is_taken_behind_a_loki_that_is_down_is_counted_once_over_kills(world, taken: str) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE, url=DOWN)
    path = world.logs / "app.log"
    path.write_bytes(BLOCK)
    world.start()
    eventually(lambda: "loki_unreachable" in world.agent_log(), "Loki is down")
    # More than is read while Loki is down: the rest stays in the file, unread.
    size = len(BLOCK) * 1501
    with path.open("ab") as file:
        file.write(BLOCK * 1500)
    eventually(lambda: seen(world) == size, "all of it is seen")
    if taken == "truncated":
        os.truncate(path, 0)
        eventually(lambda: lost(world)[0] > 0, "the truncation is counted")
    else:
        path.unlink()
        look_again(world, "first.log")
    world.kill()
    look_around(world, "second.log")
    eventually(lambda: sum(lost(world)) == size, "the process that could have read it is gone")
    unread, doubtful = lost(world)
    assert 0 < doubtful < unread
    world.kill()
    look_around(world, "third.log")
    assert world.stop() == 0
    assert lost(world) == (unread, doubtful)


def generation(world, number: int) -> list[str]:  # type: ignore[no-untyped-def]
    """Write a file of 2 MB; return its lines."""
    lines = [f"generation {number:02d} line {line:06d} {'x' * 480}" for line in range(4000)]
    (world.logs / "app.log").write_text("".join(f"{line}\n" for line in lines))
    return lines


def test_above_held_deleted_bytes_the_oldest_deleted_files_are_given_up_and_what_is_missing_is_what_is_counted(
    world,  # type: ignore[no-untyped-def]
) -> None:
    world.configure(SOURCE, agent='held_deleted_bytes = "8MiB"')
    world.relay.fail("500", 100_000)
    path, written = world.logs / "app.log", list[str]()
    world.start()
    for number in range(12):
        written += generation(world, number)
        size = sum(len(line) + 1 for line in written)
        eventually(lambda size=size: seen(world) + lost(world)[0] >= size, "all of it is seen")  # type: ignore[misc]
        path.unlink()
    look_again(world, "last.log")
    eventually(lambda: "held_deleted_full" in world.agent_log(), "the cap is exceeded")
    world.relay.heal()
    world.settle()
    stored = world.loki.lines(world.selector())
    assert len(stored) == len(set(stored))
    missing = set(written) - set(stored)
    assert world.stop() == 0
    assert set(stored) <= set(written)
    assert lost(world) == (sum(len(line) + 1 for line in missing), 0)
    assert lost(world)[0] > 0
