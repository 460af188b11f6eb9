"""Joining the lines of one record."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.config.model import Multiline
from shipper.pipeline.multiline import Grouper, _python_state, compile_multiline, extents
from shipper.pipeline.tracebacks import begin

ENGINE = b"(EngineCore_DP0 pid=99) "
ERROR = ENGINE + b"ERROR 01-27 15:47:39 [core.py:875] "


def grouper(**options: object) -> Grouper:
    made = compile_multiline(Multiline(**options))  # type: ignore[arg-type]
    assert made is not None
    return made


def starts(made: Grouper, lines: list[bytes]) -> list[int]:
    joins = made.joins(lines)
    assert all(first + 1 < end for first, end in joins)
    return [first for first, _ in extents(joins, len(lines))]


def records(made: Grouper, lines: list[bytes]) -> list[list[bytes]]:
    return [lines[first:end] for first, end in extents(made.joins(lines), len(lines))]


def test_without_a_configuration_lines_are_not_joined() -> None:
    assert compile_multiline(None) is None


def test_the_wait_is_the_configurations() -> None:
    assert grouper(start="^x", max_wait=5_000_000_000).max_wait == 5_000_000_000


def test_a_pattern_says_which_lines_begin_a_record() -> None:
    lines = [b"rest of one", b"2026 a", b" b", b"", b"2026 c", b"2026 d"]
    assert starts(grouper(start=r"^\d{4} "), lines) == [0, 1, 4, 5]
    assert starts(grouper(start="b"), lines) == [0, 2]


def test_long_records_are_split_by_lines_and_by_bytes() -> None:
    assert starts(grouper(start="^x", max_lines=2), [b"x", b"a", b"b", b"c", b"d", b"x", b"e"]) == [0, 2, 4, 5]
    lines = [b"x" * 30, b"a" * 33, b"b" * 1, b"c" * 70, b"d" * 61, b"e"]
    assert starts(grouper(start="^x", max_bytes=64), lines) == [0, 2, 3, 4]
    assert starts(grouper(start="^x", max_bytes=64), [b"x" * 30, b"a" * 34]) == [0, 1]


PYTHON_RECORDS = [
    [b"ERROR:    Exception in ASGI application", b"Traceback (most recent call last):", b'  File "/app/x.py", line 33'],
    [b"2026/02/04 03:46:47 ERROR mlflow.server: x"],
    [b'172.18.0.2 - - [04/Feb/2026:03:46:47 +0000] "POST / HTTP/1.1" 500 141'],
    [
        b"Traceback (most recent call last):",
        b'  File "x"',
        b"ValueError: x",
        b"",
        b"During handling of the above exception, x",
        b"",
        b"Traceback (most recent call last):",
        b"  y",
        b"sqlalchemy.exc.OperationalError: (x) y",
        b"[SQL: z]",
    ],
    [b"INFO:     next"],
    [b"/usr/lib/x.py:41: FutureWarning: deprecated", b"  uri = resolve(uri)"],
    [b'{"event": "a"}'],
    [b"  indented after an object"],
    [
        b"Fatal Python error: Segmentation fault",
        b"",
        b"Thread 0x00007f21c8ff9700 (most recent call first):",
        b"  File x",
    ],
    [b"plain"],
]


def test_the_preset_python_joins_tracebacks_dumps_and_indented_lines() -> None:
    made = grouper(preset="python")
    assert records(made, [line for record in PYTHON_RECORDS for line in record]) == PYTHON_RECORDS
    flat = [b"a", b"b: c", b"INFO:     x"]
    assert records(made, flat) == [[line] for line in flat]


VLLM_RECORDS = [
    [ENGINE + b"INFO 01-27 15:47:36 [launcher.py:46] Route: /docs"],
    [ENGINE + b"INFO 01-27 15:47:36 [launcher.py:46] Route: /health"],
    [
        ERROR + b"EngineCore encountered a fatal error.",
        ERROR + b"Traceback (most recent call last):",
        ERROR + b'  File "core.py", line 866',
        ERROR + b"",
        ERROR + b"torch.OutOfMemoryError: out",
        ERROR + b"of memory",
    ],
    [
        ENGINE + b"Process EngineCore_DP0:",
        ENGINE + b"Traceback (most recent call last):",
        ENGINE + b'  File "p.py"',
        ENGINE + b"torch.OutOfMemoryError: CUDA out of memory.",
    ],
    [ENGINE + b"text after it"],
    [
        b"(APIServer pid=412) ERROR 01-27 15:47:39 [async_llm.py:546] AsyncLLM output_handler failed.",
        b"(APIServer pid=412) ERROR 01-27 15:47:39 [async_llm.py:546] Traceback (most recent call last):",
        b"(APIServer pid=412) ERROR 01-27 15:47:39 [async_llm.py:546] EngineDeadError: x",
    ],
    [b'(APIServer pid=412) INFO:     172.18.0.2:37719 - "POST / HTTP/1.1" 500 Internal Server Error'],
    [b"(APIServer pid=412) Traceback (most recent call last):", b"(APIServer pid=412)   File x"],
    [b'(APIServer pid=412) INFO:     172.18.0.2:45375 - "POST / HTTP/1.1" 500 Internal Server Error'],
    [
        b"(APIServer pid=412) ERROR:    Exception in ASGI application",
        b"(APIServer pid=412) Traceback (most recent call last):",
        b"(APIServer pid=412) ValueError: x",
    ],
    [b"(APIServer pid=412) ERROR 01-27 15:47:40 [serving.py:1] Error in preprocessing"],
    [b"(APIServer pid=412) ERROR 01-27 15:47:40 [serving.py:1] Error in preprocessing"],
]


@pytest.mark.parametrize("launcher", [b"", b"[Model1] "])
def test_the_preset_vllm_joins_exception_records_and_raw_tracebacks_and_nothing_else(launcher: bytes) -> None:
    expected = [[launcher + line for line in record] for record in VLLM_RECORDS]
    assert records(grouper(preset="vllm"), [line for record in expected for line in record]) == expected


def test_the_preset_vllm_knows_coloured_prefixes() -> None:
    head = b"\x1b[1;36m(EngineCore_DP0 pid=203)\x1b[0;0m ERROR 01-27 15:47:39 [core.py:875] "
    lines = [
        head + b"failed",
        head + b"Traceback (most recent call last):",
        head + b"  File x",
        head + b"ValueError: x",
    ]
    assert starts(grouper(preset="vllm"), lines) == [0]


def test_a_prompt_that_quotes_a_traceback_joins_nothing() -> None:
    lines = [
        b"INFO 01-27 15:45:25 [logger.py:40] Received request: prompt: 'Traceback (most recent call last):'",
        b"  x",
    ]
    assert starts(grouper(preset="vllm"), lines) == [0, 1]


LINES = st.lists(
    st.sampled_from(
        [*(line for record in PYTHON_RECORDS + VLLM_RECORDS for line in record), b"", b" ", b"\t", b"[Model1] "]
    ),
    min_size=1,
    max_size=20,
)


@given(LINES, st.sampled_from([{"preset": "python"}, {"preset": "vllm"}, {"start": "^[^ ]"}]), st.integers(2, 5))
def test_for_every_lines_records_begin_with_the_first_in_order_within_their_limits(
    lines: list[bytes], options: dict[str, str], max_lines: int
) -> None:
    made = grouper(**options, max_lines=max_lines, max_bytes=100)
    found = starts(made, lines)
    assert found[0] == 0
    assert found == sorted(set(found))
    for record in records(made, lines):
        assert len(record) <= max_lines
        assert len(record) == 1 or len(b"\n".join(record)) <= 100


def plain_python(lines: list[bytes]) -> list[int]:
    """The preset "python", one line after the other: where records begin."""
    found: list[int] = []
    record = ""
    for index, line in enumerate(lines):
        state = _python_state(record, line, lines[found[-1]]) if index else ""
        if not state:
            found.append(index)
            state = "" if line[:1] == b"{" and line.rstrip()[-1:] == b"}" else begin(line)
        record = state
    return found


@given(LINES)
@settings(max_examples=settings().max_examples * 5)
def test_for_every_lines_the_preset_python_finds_what_looking_at_each_line_finds(lines: list[bytes]) -> None:
    assert starts(grouper(preset="python", max_lines=100), lines) == plain_python(lines)


@given(LINES, st.sampled_from([{"preset": "python"}, {"preset": "vllm"}, {"start": "^[^ ]"}]), st.integers(2, 5))
@settings(max_examples=settings().max_examples * 3)
def test_for_every_lines_the_records_before_one_are_those_of_the_lines_before_it(
    lines: list[bytes], options: dict[str, str], max_lines: int
) -> None:
    made = grouper(**options, max_lines=max_lines, max_bytes=200)
    found = starts(made, lines)
    for place, count in enumerate(found):
        assert starts(made, lines[:count]) == found[:place]
    assert made.whole(lines) == (found[-1], made.joins(lines[: found[-1]]))


PIECES = [
    b"[Model1] ",
    b"(A pid=1) ",
    b"ERROR 01-27 15:47:39 [core.py:875] ",
    b"Traceback (most recent call last):",
    b"  ",
]


@given(
    st.lists(st.lists(st.sampled_from(PIECES) | st.binary(max_size=4), max_size=4).map(b"".join), max_size=12),
    st.sampled_from([{"preset": "python"}, {"preset": "vllm"}, {"start": "^[^ ]"}, {"start": ""}, {"start": "x{0}한"}]),
    st.integers(0, 12),
)
def test_for_every_bytes_and_every_cut_into_spans_each_line_is_in_one_record(
    lines: list[bytes], options: dict[str, str], cut: int
) -> None:
    lines = [line.replace(b"\n", b"") for line in lines]
    made = grouper(**options)
    for span in filter(None, (lines, lines[:cut], lines[cut:])):
        assert [line for record in records(made, span) for line in record] == span


@pytest.fixture
def preset(sample: Callable[[str], list[bytes]]) -> Callable[[str, str], list[int]]:
    return lambda name, preset: [
        len(record) for record in records(grouper(preset=preset), sample(name)) if len(record) > 1
    ]


def test_the_samples_records_have_these_lengths(preset: Callable[[str, str], list[int]]) -> None:
    assert preset("vllm/model1_20260127_154502.log", "vllm") == [16, 5, 8]
    assert preset("mlflow/mlflow_20260204_034407.log", "python") == [20, 2, 5]
    assert preset("fastapi/app.log", "python") == [18]
    assert preset("system/syslog.log", "python") == []
