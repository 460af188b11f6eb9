"""The canary: through the source's own stages, in a stream of its own, there and back."""

from __future__ import annotations

import asyncio
import re

import orjson
import pytest

from shipper.config.model import (
    BUILT_IN_PIPELINES,
    AnyStage,
    Drop,
    Json,
    Labels,
    Loki,
    Multiline,
    Output,
    ResolvedSource,
    StaticLabels,
    Tenant,
    Timestamp,
)
from shipper.devloki.server import serve
from shipper.doctor.canary import fly, make_canary
from shipper.doctor.hop import State

NOW = 1_770_000_000_123_456_000
"""2026-02-02T02:40:00.123456Z."""
STREAM = '{job="shipper-doctor", source="app"}'


def _source(*stages: AnyStage, **more: object) -> ResolvedSource:
    labels = {"job": "app", "env": "production"}
    return ResolvedSource(name="app", type="file", labels=labels, stages=stages, pipeline="mine", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("pipeline", ["json", "auto"])
def test_where_json_is_read_it_is_json_with_a_time_of_its_own(pipeline: str) -> None:
    canary = make_canary(_source(*BUILT_IN_PIPELINES[pipeline]), "team", NOW)
    assert (canary.labels, canary.tenant, canary.timestamp) == (STREAM, "team", NOW)
    assert re.fullmatch("shipper doctor canary [0-9a-f]{12}", orjson.loads(canary.text)["event"])


@pytest.mark.parametrize("pipeline", ["plaintext", "text"])
def test_elsewhere_it_is_text(pipeline: str) -> None:
    canary = make_canary(_source(*BUILT_IN_PIPELINES[pipeline]), "", NOW)
    assert re.fullmatch(b"shipper doctor canary [0-9a-f]{12}", canary.text)
    assert (canary.labels, canary.tenant, canary.timestamp) == (STREAM, "", NOW)


def test_stages_change_it_and_choose_its_tenant_and_its_stream_stays_its_own() -> None:
    stages = (
        Json(message=("msg",)),
        Timestamp(),
        Labels(from_={"level": "level"}),
        StaticLabels(labels={"job": "app", "team": "a"}),
        Tenant(value="other"),
        Output(from_="message"),
    )
    canary = make_canary(_source(*stages), "team", NOW)
    assert (canary.labels, canary.tenant, canary.note) == (STREAM, "other", "through pipeline mine")
    assert re.fullmatch(b"shipper doctor canary [0-9a-f]{12}", canary.text)


def test_what_the_stages_drop_is_sent_as_it_is() -> None:
    canary = make_canary(_source(Drop(pattern="canary")), "", NOW)
    assert canary.note == "the source's stages drop it, so it is sent as it is"
    assert canary.text.startswith(b"shipper doctor canary ")


def test_what_looks_at_other_lines_or_at_the_path_does_not_matter() -> None:
    more = {"multiline": Multiline(start="never"), "path_labels": "(?P<model>.*)", "filename_label": True}
    assert make_canary(_source(**more), "", NOW).labels == STREAM


def test_no_two_are_equal() -> None:
    source = _source()
    assert make_canary(source, "", NOW).text != make_canary(source, "", NOW).text


def test_it_is_pushed_once_and_read_back() -> None:
    with serve(clock=lambda: NOW) as receiver:
        canary = make_canary(_source(*BUILT_IN_PIPELINES["json"]), "", NOW)
        flight = asyncio.run(fly(Loki(url=receiver.url), canary, 5.0))
        assert [(hop.name, hop.state) for hop in flight.hops] == [
            ("canary", State.FINE),
            ("read back", State.FINE),
        ]
        assert flight.arrived
        (push,) = receiver.books.pushes
        assert (push.status, receiver.books.stored) == (204, 1)


def test_a_query_that_shows_it_only_later_is_waited_for() -> None:
    with serve(clock=lambda: NOW) as receiver:
        receiver.fault(on="query", status=200, body='{"data": {"result": []}}', count=3)
        canary = make_canary(_source(), "", NOW)
        assert asyncio.run(fly(Loki(url=receiver.url), canary, 5.0)).arrived
