"""The samples of the six services through their pipelines: levels, times, order, and every byte of text."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from shipper.chunk import Carry, Chunk, Processed
from shipper.config import stages as s
from shipper.config.model import Multiline, ResolvedSource
from shipper.pipeline.compile import compile_pipeline
from shipper.pipeline.window import written


class Case(NamedTuple):
    name: str
    pipeline: str
    levels: dict[str, int]
    first: str
    last: str
    dropped: dict[str, int]
    fallbacks: dict[str, int]


CASES = (
    Case(
        "fastapi/app.log.1",
        "json",
        {"": 4, "info": 73, "warning": 3},
        "2026-01-27T15:41:03.118204Z",
        "2026-01-27T15:43:17.400248Z",
        {},
        {"not_json": 4},
    ),
    Case(
        "fastapi/app.log",
        "json",
        {"": 24, "critical": 1, "error": 3, "info": 99, "warning": 6},
        "2026-01-27T15:46:41.479516Z",
        "2026-01-27T15:50:01.228250002Z",
        {"blank": 2},
        {"not_json": 24},
    ),
    Case(
        "fastapi/app.log",
        "auto",
        {"critical": 1, "error": 19, "info": 106, "warning": 7},
        "2026-01-27T15:46:41.479516Z",
        "2026-01-27T15:50:01.228250002Z",
        {"blank": 2},
        {},
    ),
    Case(
        "vllm/model1_20260127_154502.log",
        "text",
        {"": 15, "error": 24, "info": 101, "warning": 2},
        "2026-01-27T15:45:11Z",
        "2026-01-27T15:47:39.000000034Z",
        {},
        {},
    ),
    Case(
        "vllm/model2_20260127_154502.log",
        "text",
        {"": 22, "error": 6, "info": 63},
        "2026-01-27T15:45:02Z",
        "2026-01-27T15:46:15.000000007Z",
        {},
        {},
    ),
    Case(
        "mlflow/mlflow_20260204_034407.log",
        "text",
        {"": 23, "critical": 1, "error": 24, "info": 43, "warning": 1},
        "2026-02-04T03:44:07Z",
        "2026-02-04T03:48:22.000000007Z",
        {"blank": 3},
        {},
    ),
    Case(
        "mlflow/mlflow_20260210_090012.log",
        "text",
        {"": 2, "info": 35, "warning": 1},
        "2026-02-10T09:00:12Z",
        "2026-02-10T09:01:15.000000004Z",
        {},
        {},
    ),
    Case(
        "inference/inference_20260127.log",
        "json",
        {"": 5, "error": 1, "info": 77, "warning": 5},
        "2026-01-27T15:52:02.613639Z",
        "2026-01-27T15:54:03.62948Z",
        {"blank": 1},
        {"not_json": 5},
    ),
    Case(
        "training/train_20260127_160000.log",
        "auto",
        {"": 15, "error": 2, "info": 26},
        "2026-01-27T16:00:01.383977Z",
        "2026-01-27T16:00:48.753743Z",
        {},
        {"json_non_standard": 1},
    ),
    Case("system/syslog.log", "text", {"": 63}, "2026-01-27T15:40:21Z", "2026-01-27T15:59:14Z", {}, {}),
    Case(
        "system/node_20260127.log",
        "text",
        {"": 34},
        "2026-01-27T15:40:09.821475Z",
        "2026-01-27T15:45:21.581721Z",
        {},
        {},
    ),
)


@pytest.fixture
def through(
    make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource], sample: Callable[[str], list[bytes]]
) -> Callable[..., Processed]:
    def through(name: str, stages: tuple[Any, ...], **options: Any) -> Processed:
        return compile_pipeline(make_resolved(*stages, **options))(make_chunk(sample(name)), Carry())

    return through


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} {case.pipeline}")
def test_levels_times_and_counts_of_the_samples(through: Callable[..., Processed], seen: Any, case: Case) -> None:
    processed = through(case.name, s.BUILT_IN_PIPELINES[case.pipeline])
    entries = seen(processed)
    assert (
        Case(
            name=case.name,
            pipeline=case.pipeline,
            levels=dict(Counter(entry.labels[8:-2] for entry in entries)),
            first=written(min(entry.timestamp for entry in entries)),
            last=written(max(entry.timestamp for entry in entries)),
            dropped=processed.dropped,
            fallbacks=processed.fallbacks,
        )
        == case
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} {case.pipeline}")
def test_the_samples_arrive_whole_and_in_order(
    through: Callable[..., Processed], sample: Callable[[str], list[bytes]], seen: Any, case: Case
) -> None:
    entries = seen(through(case.name, s.BUILT_IN_PIPELINES[case.pipeline]))
    assert [entry.line for entry in entries] == [line for line in sample(case.name) if line.strip()]
    assert all(before.timestamp < after.timestamp for before, after in itertools.pairwise(entries))


@pytest.mark.parametrize(
    "name", ["fastapi/app.log", "vllm/model2_20260127_154502.log", "training/train_20260127_160000.log"]
)
def test_plaintext_is_stamped_by_the_clock_line_by_line(
    through: Callable[..., Processed], sample: Callable[[str], list[bytes]], seen: Any, clock: int, name: str
) -> None:
    entries = seen(through(name, ()))
    expected = [(where, clock + where, line) for where, line in enumerate(sample(name)) if line.strip()]
    assert [(entry.where, entry.timestamp, entry.line) for entry in entries] == expected


def test_vllm_exception_records_are_one_entry_each(through: Callable[..., Processed], seen: Any, clock: int) -> None:
    processed = through("vllm/model1_20260127_154502.log", (), multiline=Multiline(preset="vllm"))
    joined = [(entry.where, entry.timestamp - clock, entry.line.count(b"\n")) for entry in seen(processed)]
    assert [record for record in joined if record[2]] == [(107, 107, 15), (123, 123, 4), (128, 128, 7)]
    (part,) = processed.parts
    assert (part.entries, part.lines) == (116, 142)


def test_mlflow_tracebacks_are_one_entry_each_with_the_level_of_their_head(
    through: Callable[..., Processed], seen: Any
) -> None:
    processed = through("mlflow/mlflow_20260204_034407.log", s.TEXT, multiline=Multiline(preset="python"))
    joined = [(entry.where, entry.labels, entry.line.count(b"\n")) for entry in seen(processed) if b"\n" in entry.line]
    assert joined == [(55, '{level="error"}', 16), (76, "{}", 1), (78, '{level="error"}', 4)]
    assert (processed.dropped, sum(part.lines for part in processed.parts)) == ({}, 95)


def test_output_ships_the_event_or_the_message(
    through: Callable[..., Processed], sample: Callable[[str], list[bytes]], seen: Any
) -> None:
    import orjson

    def message(line: bytes) -> bytes:
        if not line.startswith(b"{"):
            return line
        document = orjson.loads(line)
        return str(document.get("event") or document["message"]).encode()

    entries = seen(through("fastapi/app.log", (*s.JSON, s.Output())))
    assert [entry.line for entry in entries] == [message(line) for line in sample("fastapi/app.log") if line.strip()]
