"""Every recorded reply of two Loki versions, and those of gateways, means what it should."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.delivery.replies import Kind, classify
from shipper.failures import HINTS

RECORDED = json.loads((Path(__file__).parents[1] / "devloki" / "conformance.json").read_text())["versions"]
CASES = [(version, case) for version, cases in RECORDED.items() for case in cases if "(seed" not in case["case"]]

HOLD_400 = {
    "not_snappy",
    "snappy_but_not_protobuf",
    "empty_body",
    "truncated_snappy",
    "unknown_content_type",
    "no_content_type_header",
    "json_push_malformed",
}
EXPECTED = {
    "zero_timestamp": (Kind.REFUSED, ""),
    "too_old_8_days": (Kind.REFUSED, ""),
    "far_future_2h": (Kind.REFUSED, ""),
    "behind_2h_in_stream": (Kind.REFUSED, ""),
    "partial_mixed_valid_invalid": (Kind.REFUSED, ""),
    "partial_two_streams_one_invalid": (Kind.REFUSED, ""),
    "many_too_old_20": (Kind.REFUSED, ""),
    "line_300KB_default_limit": (Kind.REFUSED, ""),
    "line_over_1KB_limit": (Kind.REFUSED, ""),
    "no_streams": (Kind.HOLD, "loki_bad_request"),
    "empty_labels": (Kind.REFUSED, ""),
    "labels_missing_value": (Kind.VOID, ""),
    "labels_not_braced": (Kind.VOID, ""),
    "labels_empty_string": (Kind.REFUSED, ""),
    "label_name_starts_with_digit": (Kind.VOID, ""),
    "label_name_with_dash": (Kind.VOID, ""),
    "duplicate_label_name": (Kind.REFUSED, ""),
    "label_names_16": (Kind.REFUSED, ""),
    "label_names_30": (Kind.REFUSED, ""),
    "label_names_31": (Kind.REFUSED, ""),
    "label_name_1025_chars": (Kind.REFUSED, ""),
    "label_value_2049_chars": (Kind.REFUSED, ""),
    "structured_metadata": (Kind.METADATA, "metadata_unsupported"),
    "json_push_structured_metadata": (Kind.METADATA, "metadata_unsupported"),
    "rate_limited": (Kind.TENANT_RATE, "rate_limited"),
    "stream_rate_limited": (Kind.STREAM_RATE, "stream_rate_limited"),
    "too_many_streams": (Kind.STREAM_LIMIT, "stream_limit"),
    "no_tenant_header": (Kind.HOLD, "loki_unauthorized"),
    "two_tenants_in_header": (Kind.HOLD, "loki_unauthorized"),
    "bad_tenant_name": (Kind.HOLD, "loki_unauthorized"),
    "get_method": (Kind.HOLD, "loki_wrong_method"),
    "wrong_path": (Kind.HOLD, "loki_not_found"),
    "push_5_5MB": (Kind.TOO_LARGE, ""),
    "push_over_grpc_limit": (Kind.TENANT_RATE, "rate_limited"),
} | dict.fromkeys(HOLD_400, (Kind.HOLD, "loki_bad_request"))
BY_VERSION = {
    ("2.9.0", "structured_metadata_129_pairs"): (Kind.METADATA, "metadata_unsupported"),
    ("2.9.0", "structured_metadata_70KB"): (Kind.METADATA, "metadata_unsupported"),
    ("3.4.6", "structured_metadata_129_pairs"): (Kind.REFUSED, ""),
    ("3.4.6", "structured_metadata_70KB"): (Kind.REFUSED, ""),
}


CUT = {
    "label_name_1025_chars": "stream '{{{0}=\"x\"}}' has label name too long: '{0}'".format("a" * 1025),
    "label_value_2049_chars": "stream '{{job=\"{0}\"}}' has label value too long: '{0}'".format("a" * 2049),
}
"""Words that the recorder cut in the middle, where they say what is wrong."""


def verdict_of(case):
    kind = case.get("response_content_type") or ""
    return classify(case["status"], {"content-type": kind}, CUT.get(case["case"], case["body"]).encode())


@pytest.mark.parametrize(
    ("version", "case"), CASES, ids=lambda value: value if isinstance(value, str) else value["case"]
)
def test_each_recorded_reply_is_understood(version, case):
    verdict = verdict_of(case)
    name = case["case"]
    if case["status"] == 204:
        assert verdict.kind is Kind.ACCEPTED
    else:
        expected = BY_VERSION.get((version, name)) or EXPECTED[name]
        assert (verdict.kind, verdict.failure, verdict.status) == (*expected, str(case["status"]))


def test_the_recordings_hold_the_64_cases_of_both_versions():
    assert Counter(version for version, _ in CASES) == {"2.9.0": 62, "3.4.6": 62}


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "failure"),
    [
        (200, {}, b"", Kind.ACCEPTED, ""),
        (200, {"content-type": "application/json"}, b"{}", Kind.ACCEPTED, ""),
        (200, {"content-type": "text/html"}, b"<html></html>", Kind.HOLD, "loki_not_loki"),
        (200, {}, b'{"status":"ok","service":"something else"}', Kind.HOLD, "loki_not_loki"),
        (201, {}, b"", Kind.HOLD, "loki_not_loki"),
        (202, {}, b"", Kind.HOLD, "loki_not_loki"),
        (260, {}, b"ingestion blocked for user x", Kind.HOLD, "loki_blocked"),
        (301, {"location": "https://x/"}, b"", Kind.HOLD, "loki_redirect"),
        (302, {}, b"", Kind.HOLD, "loki_redirect"),
        (308, {}, b"", Kind.HOLD, "loki_redirect"),
        (400, {"content-type": "text/html"}, b"<html><h1>400 Bad Request</h1></html>", Kind.HOLD, "loki_bad_request"),
        (400, {}, b"", Kind.HOLD, "loki_bad_request"),
        (400, {}, b"400 Bad Request", Kind.HOLD, "loki_bad_request"),
        (400, {}, b"something new in Loki 9", Kind.UNEXPLAINED, "loki_bad_request"),
        (401, {}, b"", Kind.HOLD, "loki_unauthorized"),
        (403, {}, b"RBAC", Kind.HOLD, "loki_forbidden"),
        (404, {}, b"", Kind.HOLD, "loki_not_found"),
        (405, {}, b"", Kind.HOLD, "loki_wrong_method"),
        (407, {}, b"", Kind.HOLD, "loki_unauthorized"),
        (408, {}, b"", Kind.UNKNOWN, "loki_timeout"),
        (410, {}, b"", Kind.HOLD, "loki_not_found"),
        (413, {}, b"<html>too big</html>", Kind.TOO_LARGE, ""),
        (415, {}, b"", Kind.HOLD, "loki_bad_request"),
        (422, {}, b"error at least one valid stream is required for ingestion", Kind.HOLD, "loki_bad_request"),
        (429, {}, b"", Kind.TENANT_RATE, "rate_limited"),
        (431, {}, b"", Kind.HOLD, "loki_bad_request"),
        (500, {}, b"code = ResourceExhausted desc = trying to send message larger than max", Kind.TOO_LARGE, ""),
        (500, {}, b"empty ring", Kind.UNKNOWN, "loki_server_error"),
        (500, {}, b"code = DeadlineExceeded desc = context deadline exceeded", Kind.UNKNOWN, "loki_server_error"),
        (502, {}, b"", Kind.UNKNOWN, "loki_server_error"),
        (503, {}, b"", Kind.UNKNOWN, "loki_server_error"),
        (504, {}, b"", Kind.UNKNOWN, "loki_timeout"),
    ],
)  # fmt: skip
def test_replies_of_gateways_are_understood(status, headers, body, kind, failure):
    verdict = classify(status, headers, body)
    assert (verdict.kind, verdict.failure, verdict.status) == (kind, failure, str(status))


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        (b"Ingestion rate limit exceeded for user x (limit: 4194304 bytes/sec) while", 4194304),
        (b"Per stream rate limit exceeded (limit: 100B/sec) while", 100),
        (b"Per stream rate limit exceeded (limit: 3MB/sec) while", 3 * 1024**2),
        (b"Per stream rate limit exceeded (limit: 1.5KB/sec) while", 1536),
        (b"Too Many Requests", 0),
        (b"Per stream rate limit exceeded (limit: 1.2.3MB/sec)", 0),
        (b"Per stream rate limit exceeded (limit: .MB/sec)", 0),
        (b"Per stream rate limit exceeded (limit: " + b"9" * 400 + b"MB/sec)", 0),
    ],
)
def test_the_rate_in_lokis_words_is_read(words, limit):
    assert classify(429, {}, words).limit == limit


@pytest.mark.parametrize(
    ("status", "words", "pending"),
    [
        (500, b"context deadline exceeded", True),
        (500, b"rpc error: code = DeadlineExceeded", True),
        (504, b"", True),
        (503, b"no healthy upstream", False),
    ],
)
def test_a_server_that_gave_up_waiting_may_be_at_it_still(status, words, pending):
    assert classify(status, {}, words).pending is pending


WORDS = sorted({case["body"] for _, case in CASES if case["body"]})
BODY = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            ["(limit: ", "3", ".", "9" * 30, " ", "K", "MB", "bytes", "/sec)", "Per stream rate limit", "<html", "{}"]
        ),
        max_size=9,
    ).map(lambda parts: "".join(parts).encode()),
    st.builds(
        lambda words, at, noise: (words[:at] + noise).encode(),
        st.sampled_from(WORDS),
        st.integers(0, 300),
        st.text(max_size=3),
    ),
)


@given(
    status=st.integers(0, 999),
    body=BODY,
    kind=st.sampled_from(["", "text/html", "text/plain"]),
)
def test_for_every_reply_there_is_a_verdict_and_every_failure_it_names_has_a_hint(status, body, kind):
    verdict = classify(status, {"content-type": kind}, body)
    assert verdict.failure in {"", *HINTS}
    assert (verdict.kind is Kind.ACCEPTED) <= (status in (200, 204))
    assert 0 <= verdict.limit < 1e30
    assert (verdict.kind is Kind.HOLD) <= (verdict.failure != "")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"404 page not found", "404 page not found"),
        (b"no such page", "404 no such page"),
        (b"4045", "404 4045"),
        (b"", "404"),
    ],
)
def test_a_detail_has_the_status_once(body, detail):
    assert classify(404, {}, body).detail == detail
