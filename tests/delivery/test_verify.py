"""Asking Loki: exact selectors, pages, windows, and what counts as no answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from itertools import pairwise

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.chunk import Carry, Fingerprint, Origin, Processed, Span
from shipper.config.model import Loki
from shipper.delivery.client import Client
from shipper.delivery.piece import Pending, Piece
from shipper.delivery.verify import GAP, WINDOW, Refused, Unanswered, Verifier, exact_selector, windows
from shipper.delivery.wire import encode_entry

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND
A = '{job="a"}'


def piece(entries):
    origin = Origin(source="s", generation=1, path="/p")
    span = Span(origin=origin, start=0, end=1, clock=0, after_eof=False, hit_eof=False, fingerprint=Fingerprint())
    processed = Processed(span=span, lines=0, parts=[], carry=Carry(), lengths=[], surplus={})
    return Piece(
        pending=Pending(processed=processed, size=0, open=len(entries), dead_letters=[]),
        tenant="",
        labels=A,
        body=b"".join(encode_entry(at, line) for at, line in entries),
        entries=len(entries),
        lines=len(entries),
        first=min(at for at, _ in entries),
        last=max(at for at, _ in entries),
        where=range(len(entries)),
        weights=None,
    )


def ask(stored, pieces, most=5000, status=200):
    """What a server that has `stored`, and answers at most `most` entries at a time, is found to have and to lack."""

    def answer(request):
        query = request.url.params
        asked.append(query)
        if int(query["limit"]) > most:
            return httpx.Response(400, text=f"max entries limit per query exceeded, limit > max_entries_limit ({most})")
        hits = sorted((at, line) for at, line in stored if int(query["start"]) <= at < int(query["end"]))
        values = [[str(at), line.decode(), {"level": "info"}] for at, line in hits[: int(query["limit"])]]
        result = [{"stream": {"job": "a"}, "values": [value]} for value in values]
        return httpx.Response(status, content=orjson.dumps({"data": {"result": result}}))

    asked = []
    found = ask_server(answer, pieces)

    def lines(parts):
        return Counter((e.timestamp, e.line) for part in parts if part is not None for e in part.decode())

    return lines(one.stored for one in found), lines(one.missing for one in found), asked


def ask_server(answer, pieces):
    async def main():
        client = Client(Loki(), httpx.MockTransport(answer))
        try:
            return await Verifier(client, lambda: {"job", "level"}).ask(pieces)
        finally:
            await client.aclose()

    return asyncio.run(main())


def test_a_stream_is_asked_for_exactly_with_no_value_for_other_labels_in_use():
    names = {"job", "level", "app", "service_name", "detected_level"}
    assert exact_selector('{job="a \\"b\\"", app="x"}', names) == '{app="x", job="a \\"b\\"", level=""}'
    assert exact_selector('{service_name="a"}', names) == '{service_name="a", app="", job="", level=""}'


@given(
    sent=st.lists(st.tuples(st.integers(0, 300), st.sampled_from([b"x", b"y", b"z"])), min_size=1, max_size=150),
    stored=st.lists(st.tuples(st.integers(0, 300), st.sampled_from([b"x", b"y"])), max_size=150),
    most=st.sampled_from([60, 5000]),
)
def test_for_every_pair_of_multisets_hits_and_misses_add_up(sent, stored, most):
    sent = [(START + at, line) for at, line in sent]
    stored = [(START + at, line) for at, line in stored]
    half = len(sent) // 2
    pieces = [piece(part) for part in (sent[:half], sent[half:]) if part]
    there, missing, _ = ask(stored, pieces, most)
    assert (there, missing) == (Counter(sent) & Counter(stored), Counter(sent) - Counter(stored))


def test_a_server_with_a_lower_limit_is_asked_in_smaller_pages():
    entries = [(START + n, b"%d" % n) for n in range(400)]
    there, missing, asked = ask(entries, [piece(entries)], most=200)
    assert (there, missing) == (Counter(entries), Counter())
    assert [query["limit"] for query in asked[:6]] == ["5000", "2500", "1250", "625", "312", "156"]


def test_more_entries_of_one_time_than_a_page_holds_end_the_asking():
    entries = [(START, b"%d" % n) for n in range(200)]
    there, missing, _ = ask(entries, [piece(entries)], most=60)
    assert there + missing == Counter(entries)
    assert missing.total() >= 100


def test_bytes_that_are_no_utf8_are_compared_as_loki_shows_them():
    bad = (START, b"A\xff\xfeA")
    stored = [(START, "A\ufffd\ufffdA".encode())]
    assert ask(stored, [piece([bad])])[0] == Counter([bad])


@given(st.lists(st.integers(0, 40 * WINDOW), min_size=1, max_size=40, unique=True).map(sorted))
def test_for_every_set_of_times_the_windows_cover_all_and_are_short_and_disjoint(stamps):
    ranges = windows(stamps)
    assert all(sum(first <= stamp <= last for first, last in ranges) == 1 for stamp in stamps)
    assert all(last - first <= WINDOW for first, last in ranges)
    assert all(a[1] < b[0] for a, b in pairwise(ranges))


def test_quiet_hours_between_entries_are_not_asked_about():
    assert windows([0, 1, GAP + 2, GAP + 3]) == [(0, 1), (GAP + 2, GAP + 3)]


def failing(answer):
    async def main():
        client = Client(Loki(), httpx.MockTransport(answer))
        try:
            await Verifier(client, set).ask([piece([(START, b"x")])])
        finally:
            await client.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 302, 501, 204])
def test_a_server_that_will_not_be_asked_says_so(status):
    with pytest.raises(Refused, match=str(status)):
        failing(lambda request: httpx.Response(status, text="no"))


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"data": {"result": [{"values": [["x"]]}]}}', b'{"data": null}'])
def test_an_answer_that_is_not_lokis_is_no_answer(body):
    with pytest.raises(Refused):
        failing(lambda request: httpx.Response(200, content=body))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_an_overloaded_server_is_asked_again(status):
    with pytest.raises(Unanswered) as caught:
        failing(lambda request: httpx.Response(status))
    assert caught.value.reached


def test_a_server_that_cannot_be_reached_is_asked_again():
    def refuse(request):
        raise httpx.ConnectError("refused")

    with pytest.raises(Unanswered) as caught:
        failing(refuse)
    assert (caught.value.reached, caught.value.failure) == (False, "loki_unreachable")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([str(START), str(START + 1), "9" * 5000, "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "result", "values"]), inner, max_size=3)
    ),
    max_leaves=10,
)
VALUES = st.lists(st.tuples(st.just(str(START)) | JSON, st.just("a") | JSON).map(list) | JSON, max_size=3)
ANSWERS = st.one_of(
    st.binary(max_size=30),
    JSON.map(json.dumps).map(str.encode),
    st.lists(VALUES.map(lambda values: {"values": values}) | JSON, max_size=3).map(
        lambda result: json.dumps({"data": {"result": result}}).encode()
    ),
)


@given(ANSWERS, st.integers(200, 599))
def test_for_every_answer_the_pieces_are_divided_or_the_trouble_is_named(body, status):
    entries = [(START, b"a"), (START + 1, b"b")]
    with contextlib.suppress(Refused, Unanswered):
        found = ask_server(lambda request: httpx.Response(status, content=body), [piece(entries)])
        assert sum(part.entries for one in found for part in (one.stored, one.missing) if part is not None) == 2


def test_an_answer_about_other_times_is_none_and_the_asking_ends():
    page = orjson.dumps({"data": {"result": [{"values": [[str(START - 1), "a"]] * 5000}]}})
    with pytest.raises(Refused, match="other times"):
        ask_server(lambda request: httpx.Response(200, content=page), [piece([(START, b"a"), (START + 1, b"b")])])
