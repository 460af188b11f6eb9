"""The playground's document: its whole shape, and its bounds."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from shipper.clock import Clock
from shipper.config import stages as s
from shipper.config.model import Multiline, ResolvedSource
from shipper.explain.playground import MOST_LINES, MOST_SHOWN, MOST_TEXT, playground

NOW = 1_770_800_000_000_000_000
"""2026-02-11T08:53:20Z."""
LINE = '{"timestamp":"2026-02-11T08:50:00.5Z","level":"WARN","event":"hot","n":1,"o":{"a":[1]},"z":null}'
FIELDS = {
    "timestamp": "2026-02-11T08:50:00.5Z",
    "level": "WARN",
    "event": "hot",
    "n": "1",
    "o": '{"a":[1]}',
    "z": None,
}


def _played(text: str | bytes, *stages: s.AnyStage, path: str = "/logs/a.log", **changes: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"name": "app", "type": "file", "labels": {"job": "app"}, "pipeline": "p"}
    resolved = ResolvedSource(**(defaults | changes), stages=stages)
    document = playground(resolved, text, path, clock=Clock(lambda: NOW))
    orjson.dumps(document)
    return document


def _told(document: dict[str, Any]) -> list[list[tuple[str, str]]]:
    return [[(stage["stage"], stage["did"]) for stage in record["stages"]] for record in document["records"]]


def test_a_line_stage_by_stage_to_the_entry_loki_gets() -> None:
    def stage(stage: str, key: str, did: str, **state: Any) -> dict[str, Any]:
        before = {"line": LINE, "fields": {}, "labels": {"job": "app"}, "metadata": {}, "timestamp": None}
        return {"stage": stage, "key": key, "did": did, **before, "dropped": "", **state}

    time, fields, labels = "2026-02-11T08:50:00.5Z", FIELDS, {"job": "app", "level": "warning"}
    metadata = {"n": "1"}
    assert _played(LINE, *s.JSON, s.Metadata(from_={"n": "n"}), s.Output()) == {
        "source": "app",
        "path": "/logs/a.log",
        "records": [
            {
                "lines": 1,
                "stages": [
                    stage("source", "source.app", "labels of the configuration and of where it is from"),
                    stage("json", "pipeline.p[0]", "fields timestamp, level, event, n, o, z; a message", fields=fields),
                    stage("timestamp", "pipeline.p[1]", f"time {time}", fields=fields, timestamp=time),
                    stage(
                        "labels",
                        "pipeline.p[2]",
                        "label level=warning",
                        fields=fields,
                        timestamp=time,
                        labels=labels,
                    ),
                    stage(
                        "metadata",
                        "pipeline.p[3]",
                        "metadata n=1",
                        fields=fields,
                        timestamp=time,
                        labels=labels,
                        metadata=metadata,
                    ),
                    stage(
                        "output",
                        "pipeline.p[4]",
                        f"text changed, {len(LINE)} to 3 bytes",
                        fields=fields,
                        timestamp=time,
                        labels=labels,
                        metadata=metadata,
                        line="hot",
                    ),
                ],
                "entry": {
                    "timestamp": "1770799800500000000",
                    "at": time,
                    "labels": labels,
                    "metadata": metadata,
                    "text": "hot",
                    "tenant": "",
                },
                "dropped": "",
                "refused": "",
            }
        ],
        "notes": [],
    }


NOTHING: list[tuple[str, s.AnyStage, str]] = [
    ("text", s.Json(), "it is not JSON, so it passes untouched"),
    ("[1]", s.Json(), "it is JSON but no object, so it passes untouched"),
    ("text", s.Timestamp(), "nothing: no field 'timestamp'"),
    ("text", s.Labels(from_={"a": "b", "c": "d"}), "nothing: no fields 'b', 'd'"),
    ("text", s.Output(), "nothing: no field 'message'"),
    ("text", s.Regex(pattern="(?P<a>x+y)"), "the pattern does not match"),
    ("text", s.Drop(pattern="y"), "lets it pass"),
    ("text", s.Drop(pattern="x"), "dropped"),
    ("text", s.Decolorize(), "nothing"),
    ("text", s.Detect(), "nothing: in no known text format"),
    ("text", s.Auto(), "no JSON object: as pipeline text"),
    ("{}", s.Auto(), "a JSON object: as pipeline json"),
    ("text", s.StaticLabels(labels={"a": "b"}), "label a=b"),
    ("text", s.DropLabels(names=("job",)), "label job removed"),
    ("text", s.Tenant(value="other"), "tenant other"),
]


@pytest.mark.parametrize(("text", "stage", "did"), NOTHING, ids=lambda value: str(value)[:40])
def test_a_stage_tells_what_it_did_or_why_it_did_nothing(text: str, stage: s.AnyStage, did: str) -> None:
    assert _told(_played(text, stage))[0][1] == (type(stage).__struct_config__.tag, did)


def test_a_level_that_is_none_and_a_time_that_cannot_be_read_are_named() -> None:
    told = dict(_told(_played('{"level":"loud","timestamp":"soon"}', *s.JSON))[0])
    assert told["labels"] == "nothing: 'loud' is no level"
    assert told["timestamp"] == "the time cannot be read, lies before 2000 or more than a day ahead"


def test_what_happens_by_itself_is_told_behind_the_stages() -> None:
    line = '{"timestamp":"2026-02-11T08:50:00Z"}'
    assert [told[-1] for told in _told(_played(f"{line}\n{line}\nx\n", *s.JSON))] == [
        ("labels", "nothing: no field 'level'"),
        ("time", "not later than the line before it: moved behind that by a nanosecond, so that order is kept"),
        ("time", "no time of its own: it stays beside its neighbour"),
    ]
    assert _told(_played("x"))[0][-1] == ("time", "no time of its own: the time it is read at")
    long = _played("x" * 200, max_line_bytes=100, multiline=None)
    assert _told(long)[0][0][1].startswith("longer than max_line_bytes: cut and marked; ")
    grown = _played("x" * 90, s.Replace(pattern="x", with_="yyy"), max_line_bytes=100)
    assert ("cut", "longer than max_line_bytes: cut and marked") in _told(grown)[0]
    ahead = _told(_played('{"timestamp":"2026-02-11T10:00:00Z"}', *s.JSON))[0][-1]
    assert ahead == (
        "window",
        "further ahead than max_ahead, 2026-02-11T10:00:00Z: it gets the time it is read at; its own is kept as "
        "metadata original_timestamp",
    )


def test_joined_lines_blank_lines_and_redraws_are_told_first() -> None:
    text = "Traceback (most recent call last):\n  File x\nKeyError: 1\n\n10%\r20%\r30%\n"
    document = _played(text, multiline=Multiline(preset="python"))
    told = [(record["lines"], record["stages"][0]["did"].partition("; ")[0]) for record in document["records"]]
    assert told == [
        (4, "4 lines are one record"),
        (1, "a redrawn line (carriage returns): its last state is kept"),
    ]
    assert _played("\n")["records"][0]["dropped"] == "blank"


def test_what_loki_refuses_though_no_rule_of_ours_does() -> None:
    assert _played("x", labels={}, filename_label=False)["records"][0]["refused"].startswith("labels: ")
    assert _played("x" * 300_000, max_line_bytes=400_000)["records"][0]["refused"] == ""  # cut at MOST_TEXT
    grown = _played("x" * 60_000, s.Replace(pattern="x", with_="12345"), max_line_bytes=400_000)
    assert grown["records"][0]["refused"].startswith("line_too_long: 300000 bytes are more than Loki takes")


def test_the_document_is_bounded() -> None:
    def size(document: dict[str, Any]) -> int:
        return len(orjson.dumps(document))

    wide = _played('{"a":"' + "\\u0001" * 10_000 + '"}\n', *s.JSON, *[s.Decolorize()] * 50)
    deep = _played("x\n" * 40_000, *[s.Regex(pattern="(?P<a>x)")] * 20)
    many = _played(json.dumps({f"k{number}": "v" * 10 for number in range(3000)}), *s.JSON)
    assert deep["notes"] == [
        f"only the first {2 * MOST_LINES} of 80000 bytes were looked at",
        f"only the first {len(deep['records'])} of {MOST_LINES} records are shown",
    ]
    assert [size(document) < 6 * MOST_SHOWN for document in (wide, deep, many)] == [True] * 3
    assert len(_played("x" * 2 * MOST_TEXT)["records"][0]["entry"]["text"]) < MOST_TEXT


def test_containers_get_their_labels_from_name_and_stream() -> None:
    document = _played("x", type="docker", name_pattern="mlops-(.*)", path="mlops-api/stderr")
    assert document["path"] == "mlops-api/stderr"
    assert document["records"][0]["entry"]["labels"] == {"job": "app", "container": "api", "stream": "stderr"}
    assert _played("x", type="docker", path="a")["path"] == "a/stdout"
    assert _played("x", type="docker", path="")["notes"] == [
        "no container is named: the labels container and stream are missing"
    ]


def test_text_is_what_the_source_would_read() -> None:
    assert _played("häß", encoding="latin-1")["records"][0]["entry"]["text"] == "häß"
    assert _played(b"h\xe4", encoding="latin-1")["records"][0]["entry"]["text"] == "hä"
    assert _played("a\ud800b")["records"][0]["entry"]["text"] == "a?b"


def test_notes_tell_what_no_record_shows() -> None:
    assert _played("x", s.Limit(rate=5.0), path="", filename_label=True)["notes"] == [
        "no path is given: labels that come from it are missing",
        "stage limit slows the source down to 5 lines a second; it drops none",
    ]
