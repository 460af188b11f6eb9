"""What a preview finds out, and what it warns of."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import msgspec

from shipper.clock import Clock
from shipper.collector import FIRST
from shipper.config.model import Drop, FileSource, Json, Labels, Multiline, ResolvedSource, Timestamp
from shipper.preview import concerns as module
from shipper.preview.cure import cure
from shipper.preview.document import document
from shipper.preview.survey import Sample, Survey, chosen, survey

NOW = 1_770_000_000_000_000_000
"""2026-02-02T02:40:00Z."""
JSON = ResolvedSource(
    name="app",
    type="file",
    labels={"job": "app"},
    pipeline="json",
    stages=(Json(), Timestamp(), Labels(from_={"level": "level"})),
)


def _survey(directory: Path, resolved: ResolvedSource, *lines: object, samples: int = 5) -> Survey:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    (directory / "app.log").write_text("".join(f"{text}\n" for text in texts))
    source = FileSource(name="app", pipeline=resolved.pipeline, paths=(str(directory / "*.log"),))
    return survey(resolved, source, Clock(lambda: NOW), samples)


def concerns(found: Survey, resolved: ResolvedSource, paths: tuple[str, ...]) -> list[str]:
    return list(map(str, module.concerns(found, resolved, paths)))


def _line(second: int, level: str = "info", **fields: object) -> dict[str, object]:
    return {"event": "done", "level": level, "timestamp": f"2026-02-02T02:39:{second:02d}Z", **fields}


def test_streams_values_and_samples_are_what_loki_would_get(tmp_path: Path) -> None:
    found = _survey(tmp_path, JSON, _line(1), _line(2, "error"), _line(3), "", samples=2)
    info, error = '{job="app", level="info"}', '{job="app", level="error"}'
    assert found.streams == Counter({info: 2, error: 1})
    assert found.values == {"job": Counter(app=3), "level": Counter(info=2, error=1)}
    assert found.samples == [
        Sample(1_769_999_941_000_000_000, info, json.dumps(_line(1))),
        Sample(1_769_999_942_000_000_000, error, json.dumps(_line(2, "error"))),
    ]
    assert (found.lines, found.dropped, found.refused) == (4, Counter(blank=1), Counter())
    assert concerns(found, JSON, found.paths) == []


def test_the_journal_and_the_files_are_left_alone(tmp_path: Path) -> None:
    _survey(tmp_path, JSON, _line(1))
    assert [path.name for path in tmp_path.iterdir()] == ["app.log"]


def test_each_stream_is_sampled_before_any_is_sampled_twice() -> None:
    samples = [Sample(3, "a", "3"), Sample(1, "a", "1"), Sample(2, "b", "2"), Sample(9, "c", "9")]
    assert [sample.text for sample in chosen(samples, 3)] == ["2", "3", "9"]


def test_plaintext_in_a_json_pipeline_is_named_and_another_pipeline_proposed(tmp_path: Path) -> None:
    found = _survey(tmp_path, JSON, _line(1), "plain")
    assert concerns(found, JSON, found.paths) == [
        "1 of 2 lines are no JSON objects; they are shipped untouched, without level and time of their own; "
        'pipeline = "auto" reads both kinds'
    ]
    found = _survey(tmp_path, JSON, "plain", "text")
    assert concerns(found, JSON, found.paths) == [
        "none of the lines is a JSON object; they are shipped untouched, without level and time of their own; "
        'pipeline = "text" reads them'
    ]


def test_fields_that_are_left_are_named_with_what_becomes_of_their_lines(tmp_path: Path) -> None:
    found = _survey(tmp_path, JSON, {"msg": "hello", "severity": "WARN", "ts": 1_769_999_941}, _line(1))
    *named, told = concerns(found, JSON, found.paths)
    assert named == [
        "1 of 2 JSON lines have their message in 'msg', which this pipeline leaves; the whole line is shipped, but "
        "`output` would find no message",
        "1 of 2 JSON lines have a time in 'ts', which this pipeline leaves; they get the time they are read at",
        "1 of 2 JSON lines have a level in 'severity', which this pipeline leaves; they get no label level",
    ]
    assert told == cure(JSON, found.unread)


def test_what_loki_would_refuse_is_named(tmp_path: Path) -> None:
    old = {**_line(1), "timestamp": "2026-01-01T00:00:00Z"}
    found = _survey(tmp_path, JSON, old, _line(1))
    assert found.refused == Counter(too_old=1)
    assert concerns(found, JSON, found.paths) == [
        "1 of 2 lines would become dead letters, too_old: 2026-01-01T00:00:00Z is older than max_age (168h before "
        '2026-02-02T02:40:00Z); set max_age = "0" if your Loki takes old entries, or too_old = "restamp"'
    ]


def test_what_gets_the_time_of_now_is_said(tmp_path: Path) -> None:
    found = _survey(tmp_path, JSON, {**_line(1), "timestamp": "2026-02-02T03:40:00Z"}, _line(1))
    assert found.fallbacks == Counter(restamped=1)
    assert concerns(found, JSON, found.paths) == [
        "1 of 2 lines get the time of now, as configured (too_old, too_new): Loki would refuse their own, which is "
        "kept as metadata original_timestamp where the server takes it; mend the clock or the time zone of the "
        "service, or choose otherwise with too_old and too_new"
    ]


def test_a_label_with_a_value_for_each_request_is_warned_of(tmp_path: Path) -> None:
    resolved = msgspec.structs.replace(
        JSON, stages=(Json(), Labels(from_={"request_id": "request_id"})), max_label_values=3
    )
    lines = [_line(1, request_id=f"r{number}") for number in range(9)]
    found = _survey(tmp_path, resolved, *lines)
    assert concerns(found, resolved, found.paths) == [
        "label request_id has more values than max_label_values = 3: 9 lines still have it, with 9 values; in later "
        "ones it is structured metadata, or left out where the server takes none; use a metadata stage, or search for "
        "it in the line"
    ]
    wide = msgspec.structs.replace(resolved, max_label_values=9)
    assert concerns(_survey(tmp_path, wide, *lines), wide, found.paths) == [
        "label request_id has 9 values; each makes a stream, and Loki grows slow; use a metadata stage, or search for "
        "it in the line"
    ]


def test_a_label_with_too_many_values_is_demoted_from_the_next_chunk_on_as_by_the_agent(tmp_path: Path) -> None:
    resolved = msgspec.structs.replace(JSON, stages=(Json(), Labels(from_={"user": "user"})), max_label_values=3)
    lines = [{"event": "x" * 400, "user": f"u{number:03}"} for number in range(1000)]
    found = _survey(tmp_path, resolved, *lines, samples=1000)
    first = FIRST // (len(json.dumps(lines[0])) + 1)
    assert found.values["user"] == Counter(f"u{number:03}" for number in range(first))
    assert found.streams['{job="app"}'] == 1000 - first
    demoted = next(sample for sample in found.samples if sample.labels == '{job="app"}')
    assert demoted.metadata == (("user", f"u{first:03}"),)


def test_a_start_of_multiline_that_no_line_matches_is_named(tmp_path: Path) -> None:
    resolved = msgspec.structs.replace(JSON, stages=(), multiline=Multiline(start=r"^\d{4}-", max_lines=10))
    found = _survey(tmp_path, resolved, "INFO one", "  more", "INFO two")
    assert concerns(found, resolved, found.paths) == [
        "no line matches the start of multiline, '^\\d{4}-': lines are joined that have nothing to do with each "
        "other, up to 10 in one entry; write a pattern that the first line of each record matches"
    ]
    right = msgspec.structs.replace(resolved, multiline=Multiline(start="^INFO"))
    assert concerns(_survey(tmp_path, right, "INFO one", "  more"), right, found.paths) == []


def test_a_pipeline_that_drops_everything_is_named(tmp_path: Path) -> None:
    resolved = msgspec.structs.replace(JSON, stages=(Drop(pattern="done"),))
    found = _survey(tmp_path, resolved, _line(1), _line(2), "")
    assert concerns(found, resolved, found.paths) == [
        "the pipeline drops every line there is (drop 2); see the drop, keep and sample stages of pipeline 'json' "
        "(shipper explain names the one)"
    ]


def test_times_that_cannot_be_read_and_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    found = _survey(tmp_path, JSON, {**_line(1), "timestamp": "yesterday"})
    (what,) = concerns(found, JSON, found.paths)
    assert what.startswith("1 of 1 lines have a time that the pipeline cannot read, or one before 2000")
    assert found.untimed == 1
    (tmp_path / "app.log").write_bytes(json.dumps(_line(1)).encode().replace(b"done", b"d\xf6ne") + b"\n")
    source = FileSource(name="app", pipeline="json", paths=(str(tmp_path / "*.log"),))
    (what,) = concerns(survey(JSON, source, Clock(lambda: NOW), 1), JSON, source.paths)
    assert what.startswith("1 of 1 lines have bytes that are no text in the encoding of the source")


def test_the_time_of_the_last_line_is_known_where_it_has_one(tmp_path: Path) -> None:
    found = _survey(tmp_path, JSON, _line(1), _line(3))
    assert found.looks[0].parsed == 1_769_999_943_000_000_000
    assert found.looks[0].changed == (tmp_path / "app.log").stat().st_mtime_ns
    found = _survey(tmp_path, JSON, _line(3), "plain")
    assert (found.looks[0].parsed, found.looks[0].timed) == (0, 1_769_999_943_000_000_000)


def test_a_glob_without_a_match_is_named_with_what_is_near(tmp_path: Path) -> None:
    (tmp_path / "mlflow_2026.log").write_text("x\n")
    source = FileSource(name="app", paths=(str(tmp_path / "mlflow.log"),))
    found = survey(JSON, source, Clock(lambda: NOW), 5)
    assert concerns(found, JSON, found.paths) == [
        f"{tmp_path}/mlflow.log matches no file now, seen from {Path.cwd()}; "
        f"nearest names: {tmp_path}/mlflow_2026.log; files that appear later are found"
    ]


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    source = FileSource(name="app", paths=(str(tmp_path / "none" / "*.log"),))
    found = survey(JSON, source, Clock(lambda: NOW), 5)
    assert concerns(found, JSON, found.paths) == [
        f"{tmp_path}/none/*.log matches no file now, seen from {Path.cwd()}; there is no directory {tmp_path}/none; "
        "files that appear later are found"
    ]


def test_the_document_holds_all_of_it(tmp_path: Path) -> None:
    found = _survey(tmp_path, JSON, _line(1))
    path = tmp_path / "app.log"
    assert document(found, ["!"]) == {
        "source": "app",
        "pipeline": "json",
        "paths": [str(tmp_path / "*.log")],
        "files": [
            {
                "path": str(path),
                "size": path.stat().st_size,
                "looked_at": path.stat().st_size,
                "lines": 1,
                "unterminated": 0,
            }
        ],
        "containers": [],
        "unreadable": [],
        "lines": 1,
        "streams": [{"labels": {"job": "app", "level": "info"}, "lines": 1, "entries": 1}],
        "values": {"job": {"count": 1, "top": {"app": 1}}, "level": {"count": 1, "top": {"info": 1}}},
        "dropped": {},
        "refused": {},
        "parse_fallbacks": {},
        "samples": [
            {
                "timestamp": "1769999941000000000",
                "time": "2026-02-02T02:39:01Z",
                "labels": {"job": "app", "level": "info"},
                "line": json.dumps(_line(1)),
                "metadata": {},
            }
        ],
        "warnings": ["!"],
    }
