"""Fields of JSON lines that a pipeline leaves."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
import pytest

from shipper.config.model import BUILT_IN_PIPELINES, Json, Labels, Output, ResolvedSource, Timestamp
from shipper.preview.unread import Unread

NOW = 1_770_000_000_000_000_000
TIME = "2026-02-02T02:39:00Z"


def _seen(stages: tuple[Any, ...], *documents: object) -> Unread:
    unread = Unread(ResolvedSource(name="app", type="file", labels={}, stages=stages), NOW)
    unread.look(line if isinstance(line, bytes) else orjson.dumps(line) for line in documents)
    return unread


@pytest.mark.parametrize("pipeline", ["json", "auto"])
@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({"event": "x", "timestamp": TIME, "level": "info"}, {}),
        ({"message": "x", "timestamp": TIME, "ts": TIME, "level": 30, "severity": "info"}, {}),
        ({"event": "", "msg": "x"}, {"message": "msg"}),
        ({"ts": 1_769_999_940.5}, {"time": "ts"}),
        ({"timestamp": "soon", "time": TIME, "ts": TIME}, {"time": "time"}),
        ({"time": 0.25, "date": "today"}, {}),
        ({"level": "strange", "severity": "ERROR"}, {"level": "severity"}),
        ({"severity": "loud", "msg": 5}, {}),
    ],
)
def test_a_field_that_makes_sense_is_named_if_its_line_has_none_that_is_read(
    pipeline: str, document: dict[str, Any], fields: dict[str, str]
) -> None:
    seen = _seen(BUILT_IN_PIPELINES[pipeline], document)
    assert seen.commonest() == {role: (field, 1) for role, field in fields.items()}


def test_the_field_of_most_lines_is_named_and_objects_and_texts_are_counted() -> None:
    seen = _seen(BUILT_IN_PIPELINES["json"], {"msg": "a"}, {"msg": "b"}, {"body": "c"}, b"text", b"{torn", b" ", [1])
    assert seen.fields["message"] == Counter(msg=2, body=1)
    assert (seen.commonest(), seen.objects, seen.texts) == ({"message": ("msg", 2)}, 3, 3)


def test_what_a_pipeline_does_not_read_at_all_it_does_not_miss() -> None:
    document = {"msg": "x", "ts": TIME, "severity": "error"}
    assert _seen((), document).commonest() == {}
    assert _seen((Json(message=("msg",)), Labels(from_={"path": "path"}), Output()), document).commonest() == {}
    own = (Json(message=("msg",)), Timestamp(from_="ts"), Labels(from_={"level": "severity"}))
    assert _seen(own, document).commonest() == {}
