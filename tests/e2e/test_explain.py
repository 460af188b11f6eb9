"""`shipper explain` beside a running agent says what Loki has."""

import json
import time

import pytest
from tests.e2e.conftest import eventually

from shipper.pipeline.window import written

pytestmark = pytest.mark.e2e

SOURCE = """
[[source]]
name = "app"
type = "file"
paths = ["{logs}/*.log"]
pipeline = "auto"
multiline = { preset = "python", max_wait = "200ms" }
"""


def test_what_it_says_of_each_line_is_what_loki_has(world) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE)
    now = time.time_ns()
    times = [written(now - 60_000_000_000 + step * 1_000_003) for step in range(3)]
    lines = [
        json.dumps({"timestamp": times[0], "level": "warn", "event": "one"}),
        json.dumps({"timestamp": times[1], "level": "ERROR", "event": "two"}),
        "Traceback (most recent call last):",
        '  File "x.py", line 1',
        "KeyError: 1",
        json.dumps({"timestamp": times[2], "event": "three"}),
    ]
    path = world.logs / "app.log"
    path.write_text("".join(f"{line}\n" for line in lines))
    world.start()
    world.await_entries(4)
    own = ("filename", "level", "run")  # Loki adds labels of its own
    stored = [
        (entry.timestamp, entry.text, {name: entry.labels[name] for name in own if name in entry.labels})
        for entry in world.loki.entries(world.selector())
    ]

    def explained(*line: str) -> dict[str, object]:
        (told,) = json.loads(world.run("explain", str(path), "--json", *line).stdout)["sources"]
        return told

    said = []
    for number in (1, 4):
        (record,) = explained("--line", str(number))["lines"]["records"]  # type: ignore[index]
        entry = record["entry"]
        said.append((int(entry["timestamp"]), entry["text"], entry["labels"]))
    assert said == [stored[0], stored[2]]
    size = path.stat().st_size
    eventually(
        lambda: [one["settled"] for one in explained()["journal"]["positions"]] == [size],  # type: ignore[index]
        "all of it is settled",
    )
    assert world.stop() == 0
