"""Metrics, read back by Prometheus's own parser."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from shipper.failures import Failure
from shipper.ledger import PUSH_BOUNDS, Account, Ledger
from shipper.metrics import Observed, Reading, render

ODD = 'odd "name"\\ in\ntwo lines'
Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def observed(source: str = ODD) -> Observed:
    ledger = Ledger(push_requests=Counter({"204": 7, "timeout": 1}), push_retries=Counter(loki_timeout=1))
    ledger.push_bytes, ledger.last_success = 12345, 1_795_000_000_500_000_000
    for seconds in (0.004, 0.005, 0.3, 99.0):
        ledger.push_seconds.observe(seconds)
    account = Account(
        read=10, bytes_read=900, delivered=4, entries_delivered=3, in_flight=3, truncated_unread=5, replay_missing=6
    )
    account.dropped["blank"], account.dead_lettered["too_old"], account.fallbacks["not_json"] = 2, 1, 8
    reading = Reading(source=source, account=account, lag=77, oldest=1.5, files_open=2, streams=9)
    failures = tuple(
        Failure(name="io_error", source=source, what=what, detail="", hint="", since=1) for what in ("/a", "/b")
    )
    return Observed(version="1.2", readings=(reading,), ledger=ledger, failures=failures, deleted_bytes_held=4096)


def read_back(text: str) -> tuple[dict[str, str], Values]:
    """Kinds by metric, and every sample."""
    kinds, values = {}, {}
    for family in text_string_to_metric_families(text):
        kinds[family.name] = family.type
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in values, "a sample stands once"
            values[key] = sample.value
    return kinds, values


def test_everything_of_the_interface_is_there_with_its_kind_and_value() -> None:
    kinds, values = read_back(render(observed()))
    source = ("source", ODD)
    assert {name: value for name, value in values.items() if "bucket" not in name[0]} == {
        ("shipper_lines_read_total", (source,)): 10,
        ("shipper_lines_delivered_total", (source,)): 4,
        ("shipper_entries_delivered_total", (source,)): 3,
        ("shipper_bytes_read_total", (source,)): 900,
        ("shipper_truncated_unread_bytes_total", (source,)): 5,
        ("shipper_replay_missing_bytes_total", (source,)): 6,
        ("shipper_lines_dropped_total", (("reason", "blank"), source)): 2,
        ("shipper_lines_dead_lettered_total", (("reason", "too_old"), source)): 1,
        ("shipper_parse_fallbacks_total", (("reason", "not_json"), source)): 8,
        ("shipper_lines_in_flight", (source,)): 3,
        ("shipper_lag_bytes", (source,)): 77,
        ("shipper_oldest_unsettled_seconds", (source,)): 1.5,
        ("shipper_files_open", (source,)): 2,
        ("shipper_streams", (source,)): 9,
        ("shipper_push_requests_total", (("status", "204"),)): 7,
        ("shipper_push_requests_total", (("status", "timeout"),)): 1,
        ("shipper_push_duration_seconds_sum", ()): pytest.approx(99.309),
        ("shipper_push_duration_seconds_count", ()): 4,
        ("shipper_push_bytes_total", ()): 12345,
        ("shipper_push_retries_total", (("reason", "loki_timeout"),)): 1,
        ("shipper_last_push_success_timestamp_seconds", ()): 1_795_000_000.5,
        ("shipper_deleted_bytes_held", ()): 4096,
        ("shipper_failures", (("name", "io_error"), source)): 1,
        ("shipper_build_info", (("version", "1.2"),)): 1,
    }
    gauges = {"lag_bytes", "lines_in_flight", "oldest_unsettled_seconds", "files_open", "streams", "failures"}
    gauges |= {"deleted_bytes_held", "build_info", "last_push_success_timestamp_seconds"}
    assert {name.removeprefix("shipper_") for name, kind in kinds.items() if kind == "gauge"} == gauges
    assert [name for name, kind in kinds.items() if kind == "histogram"] == ["shipper_push_duration_seconds"]
    assert set(kinds.values()) == {"gauge", "histogram", "counter"}


def test_buckets_hold_all_that_is_not_longer_than_their_bound() -> None:
    _, values = read_back(render(observed()))
    buckets = {
        float(dict(labels)["le"]): value
        for (name, labels), value in values.items()
        if name == "shipper_push_duration_seconds_bucket"
    }
    expected = {bound: 2.0 if bound < 0.3 else 3.0 for bound in PUSH_BOUNDS}
    assert buckets == expected | {float("inf"): 4.0}


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_for_every_source_name_the_labels_read_back_equal(source: str) -> None:
    _, values = read_back(render(observed(source)))
    assert ("shipper_lines_read_total", (("source", source),)) in values
