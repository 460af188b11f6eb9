"""The stages `detect` and `auto`: levels, times, and what continuation lines inherit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shipper.chunk import Carry, Chunk, Processed
from shipper.config import stages as s
from shipper.config.model import ResolvedSource
from shipper.pipeline.compile import compile_pipeline

TRACEBACK = [b"Traceback (most recent call last):", b'  File "x.py", line 33', b"ValueError: x"]
CHAINED = [b"", b"During handling of the above exception, another exception occurred:", b"", *TRACEBACK]


@pytest.fixture
def levels(make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource], seen: Any) -> Any:
    def levels(lines: list[bytes], carry: Carry | None = None, stages: Any = s.TEXT) -> tuple[list[str], Processed]:
        processed = compile_pipeline(make_resolved(*stages))(make_chunk(lines), carry or Carry())
        return [entry.labels[8:-2] for entry in seen(processed)], processed

    return levels


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b"ERROR:    Exception in ASGI application", *TRACEBACK, *CHAINED, b"print"], ["error"] * 8 + [""]),
        ([b'INFO:     10.0.4.17:1 - "GET / HTTP/1.1" 500', *TRACEBACK], ["info", "", "", ""]),
        ([b"WARNING:  x", b"  indented", b"\ttoo", b"next"], ["warning", "warning", "warning", ""]),
        ([b"plain", b"  indented", *TRACEBACK], [""] * 5),
        ([b"INFO:     ERROR in the text", b"ERROR in the text"], ["info", ""]),
        ([b"(A pid=1) ERROR:    x", b"(B pid=2) " + TRACEBACK[0], b"(A pid=1)   x"], ["error", "", ""]),
        ([b"(A pid=1) ERROR:    x", *(b"(A pid=1) " + line for line in TRACEBACK)], ["error"] * 4),
        ([b"\x1b[31mERROR\x1b[0m:    x", *TRACEBACK, b"\x1b[32mINFO\x1b[0m:     y"], ["error"] * 4 + ["info"]),
        ([b"FATAL: x"], ["critical"]),
    ],
)
def test_levels_come_from_heads_and_are_inherited(levels: Any, lines: list[bytes], expected: list[str]) -> None:
    assert levels(lines)[0] == expected


def test_a_record_goes_on_in_the_next_span(levels: Any) -> None:
    first, processed = levels([b"[Model1] (A pid=1) ERROR:    x", b"[Model1] (A pid=1) " + TRACEBACK[0]])
    assert (processed.carry.level, processed.carry.record) == ("ERROR", "traceback @ [Model1] (A pid=1)")
    following, processed = levels(
        [b"[Model1] (A pid=1)   File x", b"[Model1] (A pid=1) ValueError: x", b"[Model1] (A pid=1) print"],
        processed.carry,
    )
    assert (first, following) == (["error", "error"], ["error", "error", ""])
    assert (processed.carry.level, processed.carry.record) == ("", "head @ [Model1] (A pid=1)")


def test_a_record_joined_before_has_the_level_of_its_head(
    make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource], seen: Any
) -> None:
    from shipper.config.model import Multiline

    resolved = make_resolved(*s.TEXT, multiline=Multiline(preset="python"))
    processed = compile_pipeline(resolved)(make_chunk([b"ERROR:    x", *TRACEBACK, *CHAINED, b"INFO:     y"]), Carry())
    assert [(entry.where, entry.labels) for entry in seen(processed)] == [
        (0, '{level="error"}'),
        (10, '{level="info"}'),
    ]


AUTO = (s.Auto(),)


def test_auto_reads_objects_and_takes_the_rest_for_text(levels: Any) -> None:
    lines = [
        b'{"level": "warn", "timestamp": "2026-01-27T15:46:41Z"}',
        b"  indented after an object",
        b"ERROR:    x",
        TRACEBACK[0],
        b"{'loss': 0.69}",
        b'{"torn": ',
        b'[{"level": "error"}]',
        b' {"level": "info", "loss": NaN}',
    ]
    made, processed = levels(lines, None, AUTO)
    assert made == ["warning", "", "error", "error", "", "", "", "info"]
    assert processed.fallbacks == {"not_json": 1, "json_non_standard": 1}
    second = 1_769_528_801_000_000_000
    assert (processed.carry.issued, processed.carry.parsed) == (second + 7, second)


def test_auto_by_columns_ends_the_record_before_it(levels: Any) -> None:
    carry = Carry(level="ERROR", record="traceback")
    assert levels([b'{"level": "info"}'], carry, AUTO)[1].carry.record == ""
    assert levels([b"  x"], levels([b'{"level": "info"}'], carry, AUTO)[1].carry, AUTO)[0] == [""]
    assert levels([b"  x"], carry, AUTO)[0] == ["error"]
