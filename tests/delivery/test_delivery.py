"""Delivery as a whole against a model of Loki, on virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.config.model import Backoff
from shipper.errors import DeadLettersFull, JournalError

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
A, B = '{job="a"}', '{job="b"}'


def entries(count, prefix="line", at=START, step=1, size=0):
    return [(at + index * step, f"{prefix} {index} ".encode() + b"." * size) for index in range(count)]


def texts(*groups):
    return Counter(line for group in groups for _, line in group)


@pytest.mark.parametrize(
    "fault",
    [
        "refused",
        "reset",
        "broken",
        "stall",
        "lost",
        "500-stored",
        "500",
        (503, {"retry-after": "7"}, b""),
        (502, {"content-type": "text/html"}, b"<html>bad gateway</html>"),
        (408, {}, b""),
        (504, {}, b"upstream timed out"),
        (401, {}, b"no org id"),
        (403, {}, b""),
        (404, {}, b"404 page not found"),
        (405, {}, b""),
        (302, {"location": "http://elsewhere/"}, b""),
        (260, {}, b"ingestion blocked"),
        (200, {"content-type": "text/html"}, b"<html>welcome</html>"),
        (400, {}, b"snappy: corrupt input"),
        (400, {}, b"invalid tenant ID"),
        (413, {}, b""),
        (422, {}, b"error at least one valid stream is required for ingestion"),
        (429, {"retry-after": "3"}, b"too many requests"),
        (500, {}, b"rpc error: code = ResourceExhausted desc = grpc: received message larger than max (5 vs. 4)"),
        (418, {}, b"teapot"),
    ],
    ids=str,
)
def test_whatever_a_push_meets_its_entries_arrive_once(model, fault):
    async def scenario(bench):
        bench.server.faults = [fault, fault, fault]
        bench.add((A, entries(20)), (B, entries(5, "other")))
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert bench.server.lines() == texts(entries(20), entries(5, "other"))
    account = bench.ledger.account("files")
    assert (account.delivered, account.in_flight, account.entries_delivered) == (25, 0, 25)
    assert bench.names() == set()


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ("refused", "loki_unreachable"),
        ("reset", "loki_unreachable"),
        ("stall", "loki_timeout"),
        ("500", "loki_server_error"),
        ((401, {}, b"no org id"), "loki_unauthorized"),
        ((403, {}, b""), "loki_forbidden"),
        ((404, {}, b""), "loki_not_found"),
        ((405, {}, b""), "loki_wrong_method"),
        ((301, {}, b""), "loki_redirect"),
        ((260, {}, b""), "loki_blocked"),
        ((200, {}, b"<!DOCTYPE html>"), "loki_not_loki"),
        ((400, {}, b"proto: illegal wireType 7"), "loki_bad_request"),
        ((429, {}, b"Ingestion rate limit exceeded"), "rate_limited"),
        ((429, {}, b"Maximum active stream limit exceeded"), "stream_limit"),
        ((413, {}, b""), "too_large"),
    ],
    ids=str,
)
def test_a_failure_lasts_from_the_first_reply_that_shows_it_to_the_next_success(model, fault, name):
    seen = []

    async def scenario(bench):
        bench.server.faults = [fault] * 4
        bench.server.on_exchange = lambda: seen.append(bench.names())
        bench.add((A, entries(1)))
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert [names for names in seen if names] == [{name}] * len([names for names in seen if names])
    assert {name} in seen
    assert bench.names() == set()


def test_while_the_set_up_is_wrong_one_probe_at_a_time_is_sent(model):
    async def scenario(bench):
        bench.server.faults = [(401, {}, b"no org id")] * 12
        bench.server.latency = 1.0
        for number in range(8):
            bench.add((f'{{job="s{number}"}}', entries(3, str(number))))
        drained = asyncio.create_task(bench.delivery.drain())
        await asyncio.sleep(4.5)
        bench.server.most_concurrent = bench.server.concurrent
        for number in range(50):
            bench.add((A, entries(1, f"meanwhile {number}")))
            await asyncio.sleep(0.1)
        assert bench.server.most_concurrent == 1
        await drained

    bench = model.run(scenario)
    assert bench.server.lines() == Counter(bench.sent.values())


@pytest.mark.parametrize("then", ["lost", "broken", "500", "refused", (413, {}, b"")], ids=str)
def test_a_probe_that_tells_nothing_is_followed_by_another(model, then):
    async def scenario(bench):
        bench.server.faults = [(401, {}, b"no org id"), then]
        bench.add((A, entries(3)))
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert (bench.server.lines(), bench.names()) == (texts(entries(3)), set())


def test_an_entry_refused_with_its_new_time_as_well_becomes_a_dead_letter(model):
    async def scenario(bench):
        bench.server.max_age = -HOUR
        bench.add((A, entries(2, "old")))
        await bench.delivery.drain()

    bench = model.run(scenario, too_old="restamp")
    assert bench.ledger.account("files").dead_lettered == Counter(too_old=2)


@pytest.mark.parametrize(
    "reply",
    [(504, {}, b""), (408, {}, b""), (500, {}, b"context deadline exceeded"), (503, {"retry-after": "10"}, b"")],
)
def test_a_server_that_may_be_at_it_still_is_asked_after_a_further_timeout(model, reply):
    times = []

    async def scenario(bench):
        bench.server.faults = [reply]
        bench.server.on_exchange = lambda: times.append(bench.loop.time())
        bench.add((A, entries(2)))
        await bench.delivery.drain()

    model.run(scenario, timeout=10 * SECOND)
    assert 10.0 <= times[2] - times[1] < 11.0


def test_a_commit_under_way_when_the_agent_stops_is_made_once(model):
    async def scenario(bench):
        bench.journal.delay = 1.0
        bench.add((A, entries(2)))
        await asyncio.sleep(1.5)
        bench.task.cancel()
        await asyncio.sleep(0)

    bench = model.run(scenario)
    assert len(bench.journal.committed) == 1


def test_a_new_stream_goes_alone_until_it_was_accepted_then_with_the_others(model):
    async def scenario(bench):
        for _ in range(2):
            bench.add((B, [(bench.wall(), b"b")]), (A, [(bench.wall(), b"a")]))
            await bench.delivery.drain()
            await asyncio.sleep(1)

    bench = model.run(scenario)
    pushes = [labels for _, _, labels in bench.server.pushes]
    assert (sorted(pushes[:2]), pushes[2:]) == ([(A,), (B,)], [(A, B)])


def test_what_follows_of_new_streams_while_they_wait_goes_with_them(model):
    streams = [f'{{n="{number}"}}' for number in range(50)]

    async def scenario(bench):
        bench.server.latency = 0.2
        for _ in range(5):
            bench.add(*[(labels, [(bench.wall() + place, b"x")]) for place, labels in enumerate(streams)])
            await asyncio.sleep(1.1)
        await bench.delivery.drain()

    bench = model.run(scenario, max_in_flight=1)
    pushes = [labels for _, _, labels in bench.server.pushes]
    assert sorted(pushes[:50]) == sorted([(labels,) for labels in streams])
    assert bench.server.lines() == {b"x": 250}
    assert len(pushes) < 100


def test_pushes_that_wait_for_a_rate_do_not_grow(model):
    async def scenario(bench):
        bench.server.faults = [(429, {}, b"Ingestion rate limit exceeded for user  (limit: 400 bytes/sec)")]
        for _ in range(6):
            bench.add((A, entries(3, size=100, at=bench.wall())))
            await asyncio.sleep(0.3)
        await bench.delivery.drain()

    bench = model.run(scenario, max_in_flight=1, batch_wait=SECOND // 5)
    assert [labels for _, _, labels in bench.server.pushes] == [(A,)] * 7


def test_pushes_that_wait_do_not_grow_beyond_what_a_proxy_takes(model):
    dense = [(START, Random(number).randbytes(5000).hex().encode()) for number in range(32)]
    new = '{n="1"}'

    async def scenario(bench):
        bench.server.max_body = 70_000
        bench.add((A, dense[:20]))
        await bench.delivery.drain()
        bench.server.latency = 5.0
        bench.add((B, entries(1)), (new, entries(1)))
        await asyncio.sleep(1.1)
        for place in range(20, 32, 3):
            bench.add((new, dense[place : place + 3]))
            await asyncio.sleep(1.1)
        await bench.delivery.drain()

    bench = model.run(scenario, max_in_flight=1)
    assert [status for _, status, labels in bench.server.pushes if labels == (new,)] == [204, 204]
    assert bench.server.lines() == texts(dense, entries(1), entries(1))


def test_a_batch_goes_when_it_is_old_enough(model):
    async def scenario(bench):
        bench.add((A, entries(1)))
        await asyncio.sleep(0.9)
        assert bench.server.pushes == []
        bench.add((A, entries(1, "second")))
        await asyncio.sleep(0.2)
        assert [labels for _, _, labels in bench.server.pushes] == [(A,)]

    assert model.run(scenario).server.lines() == texts(entries(1), entries(1, "second"))


def test_a_span_larger_than_a_push_may_be_is_sliced_between_entries(model):
    async def scenario(bench):
        bench.add((A, entries(900, size=10_000)))
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert bench.server.lines() == texts(entries(900, size=10_000))
    assert len(bench.server.pushes) == 3


def test_a_proxy_that_takes_little_gets_little(model):
    async def scenario(bench):
        bench.server.max_body = 3000
        bench.add(
            (
                A,
                [
                    (START + n, bytes(str(n), "ascii") + bytes((n * 7 + k) % 256 for k in range(200)).hex().encode())
                    for n in range(100)
                ],
            )
        )
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert bench.server.lines().total() == 100
    assert set(bench.server.lines().values()) == {1}


def test_what_loki_calls_too_old_becomes_dead_letters_with_its_words_and_the_rest_is_delivered(model):
    old, good = entries(3, "old", START - 400 * HOUR), entries(4, "good")

    async def scenario(bench):
        bench.server.max_age = 168 * HOUR
        bench.add((A, old + good))
        await bench.delivery.drain()

    bench = model.run(scenario, max_age=0)
    assert (bench.server.lines(), bench.refused()) == (texts(good), texts(old))
    letter = bench.journal.letters[0]
    assert (letter.reason, letter.text, letter.path, letter.generation) == ("too_old", None, "/logs/files.log", 1)
    assert letter.words.startswith(f"3 errors like: entry for stream '{A}' has timestamp too old: ")
    assert bench.ledger.account("files").dead_lettered == Counter(too_old=3)
    assert bench.names() == {"entries_refused"}


@pytest.mark.parametrize("count", [1, 9, 10, 11, 300])
def test_entries_too_far_behind_are_told_from_the_rest(model, count):
    behind, good = entries(count, "behind", START - 5 * HOUR, MINUTE // 10), entries(20, "good")

    async def scenario(bench):
        bench.add((A, entries(1, "newest", START + SECOND)))
        await bench.delivery.drain()
        bench.add((A, behind + good))
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert bench.refused() == texts(behind)
    assert bench.server.lines() == texts(good, entries(1, "newest"))
    assert bench.ledger.account("files").dead_lettered == Counter(too_far_behind=count)


def test_lines_that_are_too_long_keep_their_text_as_dead_letters(model):
    long = [(START, b"x" * 1025), (START + 5, b"y" * 2000)]

    async def scenario(bench):
        bench.server.max_line = 1024
        bench.add((A, [long[0], *entries(3), long[1]]), (B, entries(2, "b")))
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert bench.server.lines() == texts(entries(3), entries(2, "b"))
    assert [(letter.reason, letter.text) for letter in bench.journal.letters] == [
        ("line_too_long", b"x" * 1025),
        ("line_too_long", b"y" * 2000),
    ]


def test_a_stream_with_too_many_labels_is_refused_whole_and_alone(model):
    many = "{" + ", ".join(f'l{n:02}="v"' for n in range(16)) + "}"

    async def scenario(bench):
        bench.add((many, entries(4, "many")), (A, entries(3)))
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert (bench.server.lines(), bench.refused()) == (texts(entries(3)), texts(entries(4, "many")))
    assert bench.ledger.account("files").dead_lettered == Counter(labels=4)


@pytest.mark.parametrize(("policy", "fate"), [("restamp", "restamped"), ("drop", "dropped")])
def test_what_loki_calls_too_old_follows_the_policy(model, policy, fate):
    old, good = entries(2, "old", START - 400 * HOUR), entries(2, "good")

    async def scenario(bench):
        bench.server.max_age = 168 * HOUR
        bench.add((A, old + good))
        await bench.delivery.drain()

    bench = model.run(scenario, max_age=0, too_old=policy)
    account = bench.ledger.account("files")
    if fate == "dropped":
        assert (bench.server.lines(), account.dropped) == (texts(good), Counter(too_old=2))
    else:
        assert bench.server.lines() == texts(old, good)
        stored = {entry.line: entry for entry in bench.server.stored["", A]}
        assert [(stored[line].timestamp - START, dict(stored[line].metadata)) for _, line in old] == [
            (0, {"original_timestamp": "2026-12-29T16:00:00Z"}),
            (1, {"original_timestamp": "2026-12-29T16:00:00.000000001Z"}),
        ]
        assert account.fallbacks == Counter(restamped=2)


def test_what_had_no_time_of_its_own_or_keeps_it_already_gets_no_other_when_it_is_restamped(model):
    kept = (("original_timestamp", "2026-12-01T00:00:00Z"),)

    async def scenario(bench):
        bench.server.max_age = 168 * HOUR
        untimed = bench.span((A, entries(2, "untimed", START - 400 * HOUR)))
        untimed.untimed = {1}
        bench.delivery.add(untimed)
        bench.add((B, entries(1, "again", START - 400 * HOUR)), metadata=kept)
        await bench.delivery.drain()

    bench = model.run(scenario, max_age=0, too_old="restamp")
    assert {entry.line: entry.metadata for stream in bench.server.stored.values() for entry in stream} == {
        b"untimed 0 ": (("original_timestamp", "2026-12-29T16:00:00Z"),),
        b"untimed 1 ": (),
        b"again 0 ": kept,
    }


def test_metadata_is_left_out_where_the_server_refuses_it(model):
    async def scenario(bench):
        bench.add((A, entries(3)), metadata=(("request_id", "1"),))
        bench.add((A, entries(2, "bare")))
        await bench.delivery.drain()

    bench = model.run(scenario, metadata=False)
    assert bench.server.lines() == texts(entries(3), entries(2, "bare"))
    assert (bench.delivery.supports_metadata, bench.refused()) == (False, Counter())


def test_a_line_refused_in_unknown_words_is_found_and_given_up_when_others_pass(model):
    async def scenario(bench):
        bench.server.poison = b"POISON"
        bench.add((A, [*entries(40), (START + 99, b"POISON"), *entries(23, "more")]))
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert bench.server.lines() == texts(entries(40), entries(23, "more"))
    assert [(letter.text, letter.reason, letter.words) for letter in bench.journal.letters] == [
        (b"POISON", "refused", "the moon is in the wrong phase")
    ]


def test_if_everything_is_refused_in_unknown_words_nothing_is_given_up(model):
    async def scenario(bench):
        bench.server.faults = [(400, {}, b"computer says no")] * 200
        bench.add((A, entries(10)))
        await asyncio.sleep(600)
        assert bench.names() == {"loki_bad_request"}
        bench.server.faults = []
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert (bench.server.lines(), bench.refused()) == (texts(entries(10)), Counter())


def test_a_stream_rate_limit_slows_one_stream_and_repeats_only_what_is_missing(model):
    async def scenario(bench):
        bench.server.stream_rate, bench.server.stream_burst = 20_000.0, 60_000.0
        for number in range(20):
            bench.add((A, entries(100, f"fast {number}", START + number * SECOND, size=90)))
        bench.add((B, entries(3, "quiet")))
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert set(bench.server.lines().values()) == {1}
    assert bench.server.lines().total() == 2003


def test_entries_of_two_files_at_one_time_of_which_a_rate_limit_took_one_arrive_once(model):
    async def scenario(bench):
        bench.server.stream_rate, bench.server.stream_burst = 500.0, 1_000.0
        bench.add((A, entries(10, "one file", size=90)), source="one")
        bench.add((A, entries(10, "another", size=90)), source="another")
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert bench.server.lines() == Counter(bench.sent.values())


def test_a_stream_rate_limit_that_loki_does_not_come_to_name_repeats_only_what_is_missing(model):
    def scenario_of(late):
        async def scenario(bench):
            bench.server.stream_rate, bench.server.stream_burst = 2_000.0, 3_000.0
            bench.add((A, entries(1, "newest", START)))
            await bench.delivery.drain()
            old = entries(late, "late", START - 4000 * SECOND)
            bench.add((A, [*old, *entries(40, "now", START, size=90)]))
            await bench.delivery.drain()

        return scenario

    bench = model.run(scenario_of(12))
    assert set(bench.server.lines().values()) == {1}
    assert (bench.server.lines().total(), bench.refused().total()) == (41, 12)


def test_a_push_larger_than_its_streams_burst_gets_through_where_loki_cannot_be_asked(model):
    async def scenario(bench):
        bench.server.stream_rate, bench.server.stream_burst = 500.0, 2_000.0
        bench.add((A, entries(60, "many", size=90)))
        async with asyncio.timeout(1000):
            await bench.delivery.drain()

    bench = model.run(scenario, verify="never")
    assert bench.server.lines().keys() == {line for _, line in entries(60, "many", size=90)}


def test_streams_over_the_tenants_limit_wait_and_the_others_flow(model):
    async def scenario(bench):
        bench.server.max_streams = 1
        bench.add((A, entries(2)))
        await bench.delivery.drain()
        bench.add((B, entries(2, "b")), source="late")
        await asyncio.sleep(30)
        assert bench.names() == {"stream_limit"}
        for number in range(5):
            bench.add((A, entries(1, f"flows {number}")))
            await asyncio.sleep(5)
        assert bench.ledger.account("files").delivered == 7
        bench.server.max_streams = 2
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert bench.server.lines().total() == 9
    assert set(bench.server.lines().values()) == {1}


def test_many_streams_over_the_tenants_limit_are_tried_one_at_a_time(model):
    async def scenario(bench):
        bench.server.max_streams = 1
        bench.add((A, entries(1)))
        await bench.delivery.drain()
        for number in range(50):
            bench.add((f'{{app="late", n="{number}"}}', entries(2, f"b{number}")), source="late")
        await asyncio.sleep(600)
        bench.tries = len(bench.server.pushes)
        bench.add((A, entries(1, "flows")))
        await asyncio.sleep(2)
        assert bench.ledger.account("files").delivered == 2
        bench.server.max_streams = 100
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert bench.tries < 120
    assert bench.server.lines().total() == 102
    assert bench.names() == set()


def test_pushes_that_hang_leave_room_for_those_that_pass(model):
    async def scenario(bench):
        bench.server.hangs = b"stuck"
        for number in range(8):
            bench.add((A, entries(1)), (B, entries(1, f"stuck {number}")))
            await asyncio.sleep(30)
        for number in range(20):
            bench.add((A, entries(1, f"flows {number}")))
            await asyncio.sleep(3)
            assert bench.server.lines()[f"flows {number} 0 ".encode()] == 1
        bench.server.hangs = None
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert set(bench.server.lines().values()) == {1, 8}


def test_a_tenant_at_lokis_default_limit_gets_at_least_85_percent_of_it_without_a_storm(model):
    size = 100_000_000

    async def scenario(bench):
        bench.server.tenant_rate, bench.server.tenant_burst = 4_194_304.0, 6_291_456.0
        bench.server.latency = 0.02

        async def feed():
            for number in range(size // 250_000):
                while bench.delivery.total_outstanding() > 32_000_000:  # noqa: ASYNC110 - as a reader does
                    await asyncio.sleep(0.05)
                bench.add((A, [(bench.wall() + n, b"%d %d " % (number, n) + b"x" * 49_990) for n in range(5)]))

        await feed()
        await bench.delivery.drain()
        bench.took = bench.loop.time()

    bench = model.run(scenario)
    statuses = Counter(status for _, status, _ in bench.server.pushes)
    assert bench.took < (size - 6_291_456) / (0.85 * 4_194_304)
    assert statuses[429] <= 0.15 * statuses[204]


def test_a_killed_agents_spans_are_asked_about_and_only_what_is_missing_is_sent(model):
    there, missing = entries(30, "there"), entries(20, "missing", START + 100)

    async def scenario(bench):
        bench.add((A, there), (B, entries(3, "b")))
        await bench.delivery.drain()
        bench.add((A, there + missing), (B, entries(3, "b")), replay=True)
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert bench.server.lines() == texts(there, missing, entries(3, "b"))


def test_without_permission_to_ask_an_uncertain_push_is_repeated_and_said_so(model):
    seen = []

    async def scenario(bench):
        bench.server.faults = ["500-stored"]
        bench.server.query_faults = [(403, {}, b"read access denied")]
        bench.server.on_exchange = lambda: seen.append(bench.names())
        bench.add((A, entries(2)))
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert set(bench.server.lines().values()) == {2}
    assert {"loki_server_error", "verify_unavailable"} in seen
    assert bench.names() == set()


def test_verify_never_repeats_without_asking(model):
    async def scenario(bench):
        bench.server.faults = ["500-stored"]
        bench.add((A, entries(2)))
        await bench.delivery.drain()

    bench = model.run(scenario, verify="never")
    assert (bench.server.queries, set(bench.server.lines().values())) == (0, {2})


def test_a_question_without_an_answer_is_repeated(model):
    async def scenario(bench):
        bench.server.faults = ["500-stored"]
        bench.server.query_faults = ["500", "reset", "lost", (429, {}, b"slow down"), "refused"]
        bench.add((A, entries(2)))
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert set(bench.server.lines().values()) == {1}


def test_a_timed_out_push_is_asked_about_only_after_a_further_timeout(model):
    times = []

    async def scenario(bench):
        bench.server.faults = ["stall"]
        bench.server.on_exchange = lambda: times.append(bench.loop.time())
        bench.add((A, entries(2)))
        await bench.delivery.drain()

    model.run(scenario, timeout=10 * SECOND)
    (_, pushed, asked) = times
    assert 20.0 <= asked - pushed < 21.0


@pytest.mark.parametrize(
    ("fault", "soonest", "latest"),
    [
        ("refused", 0.0, 0.1),
        ("500", 0.0, 1.1),
        ((429, {}, b"Maximum active stream limit exceeded, user: 't'"), 0.0, 0.1),
        ((503, {"Retry-After": "25"}, b"busy"), 20.0, 26.0),
        ((401, {"Retry-After": "25"}, b"no org id"), 20.0, 26.0),
    ],
    ids=str,
)
def test_when_the_server_is_back_what_waits_goes_at_once_unless_it_was_told_to_wait(model, fault, soonest, latest):
    times = []

    async def scenario(bench):
        bench.server.faults = [fault] * 12 if not isinstance(fault, tuple) or not fault[1] else [fault]
        bench.add((A, entries(3)))
        while bench.server.faults:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        times.append(bench.loop.time())
        bench.delivery._route._sender.hurry()
        await bench.delivery.drain()
        times.append(bench.loop.time())

    bench = model.run(scenario, backoff=Backoff(min=60 * SECOND, max=60 * SECOND))
    assert bench.server.lines() == Counter(bench.sent.values())
    assert soonest <= times[1] - times[0] <= latest


def test_what_may_be_stored_is_not_asked_about_too_early_though_the_server_is_back(model):
    times = []

    async def scenario(bench):
        bench.server.faults = ["stall"]
        bench.server.on_exchange = lambda: times.append(bench.loop.time())
        bench.add((A, entries(2)))
        await asyncio.sleep(15)
        bench.delivery._route._sender.hurry()
        await bench.delivery.drain()

    model.run(scenario, timeout=10 * SECOND)
    (_, pushed, asked) = times
    assert 20.0 <= asked - pushed < 21.0


def test_newer_entries_wait_for_unsettled_ones_that_are_much_older(model):
    async def scenario(bench):
        bench.server.faults = ["lost"]
        bench.add((A, entries(5, "day one", START - 48 * HOUR)))
        await asyncio.sleep(1.5)
        bench.add((A, entries(5, "day two", START - 24 * HOUR)))
        bench.add((B, entries(5, "other")))
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert bench.server.lines().total() == 15
    assert bench.refused() == Counter()


def test_a_backlog_that_spans_days_in_files_that_share_a_stream_is_not_refused(model):
    quiet = [entries(200, f"file {number}", START - 100 * HOUR + number * MINUTE, 20 * MINUTE) for number in range(3)]

    async def scenario(bench):
        for group in quiet:
            bench.add((A, group))
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert (bench.server.lines(), bench.refused()) == (texts(*quiet), Counter())


def test_nothing_is_sent_before_the_journal_has_begun_it(model):
    async def scenario(bench):
        bench.journal.begin_errors = [JournalError("disk full")] * 1000
        bench.add((A, entries(2)))
        await asyncio.sleep(60)
        assert (bench.names(), bench.server.pushes) == ({"journal_write"}, [])
        bench.journal.begin_errors.clear()
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert (bench.server.lines(), bench.names()) == (texts(entries(2)), set())


def test_a_commit_that_fails_is_repeated_and_the_span_stays_outstanding(model):
    async def scenario(bench):
        bench.journal.commit_errors = [JournalError("disk full")] * 1000
        bench.add((A, entries(2)))
        await asyncio.sleep(60)
        assert bench.delivery.outstanding("files") > 0
        bench.journal.commit_errors.clear()
        await bench.delivery.drain()
        assert bench.delivery.outstanding("files") == bench.delivery.total_outstanding() == 0

    assert len(model.run(scenario).journal.committed) == 1


def test_dead_letters_without_room_hold_their_span_and_no_other(model):
    async def scenario(bench):
        bench.server.max_line = 10
        bench.journal.room = 0
        bench.add((A, [(START, b"x" * 11)]), source="bad")
        bench.add((B, entries(2, "b")), source="good")
        await asyncio.sleep(60)
        assert (bench.delivery.outstanding("good"), bench.delivery.outstanding("bad") > 0) == (0, True)
        assert bench.names() == {"dead_letters_full", "entries_refused"}
        bench.journal.room = 1
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert bench.refused() == Counter({b"x" * 11: 1})
    assert bench.names() == {"entries_refused"}


def test_a_full_journal_of_dead_letters_is_told_apart_from_a_broken_one():
    assert issubclass(DeadLettersFull, JournalError)


def test_a_span_without_entries_is_committed_too(model):
    async def scenario(bench):
        bench.add(dropped={"blank": 3})
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert (len(bench.journal.committed), bench.server.pushes) == (1, [])
    assert bench.ledger.account("files").dropped == Counter(blank=3)


def test_close_ends_in_time_and_leaves_what_is_not_settled_to_the_journal(model):
    async def scenario(bench):
        bench.add((A, entries(2)))
        await bench.delivery.drain()
        bench.server.faults = ["stall"]
        bench.add((A, entries(2, "stuck")))
        await asyncio.sleep(1.5)
        before = bench.loop.time()
        await bench.delivery.close(3.0)
        assert bench.loop.time() - before == pytest.approx(3.0, abs=0.1)

    bench = model.run(scenario)
    assert (len(bench.journal.begun), len(bench.journal.committed)) == (2, 1)


def test_pushes_of_different_tenants_do_not_share_a_request_and_one_tenants_trouble_is_its_own(model):
    async def scenario(bench):
        bench.add((A, entries(2, "one")), tenant="one", source="one")
        await bench.delivery.drain()
        bench.server.faults = [(403, {}, b"blocked")]
        bench.add((A, entries(2, "two")), tenant="two", source="two")
        bench.add((A, entries(2, "again")), tenant="one", source="one")
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert {owner: len(stored) for (owner, _), stored in bench.server.stored.items()} == {"one": 4, "two": 2}


FAULTS = st.sampled_from(
    [
        None,
        None,
        "refused",
        "reset",
        "broken",
        "stall",
        "lost",
        "500",
        "500-stored",
        (429, {}, b"slow down"),
        (401, {}, b"no org id"),
        (413, {}, b""),
        (400, {}, b"whatever"),
        (503, {"retry-after": "20"}, b""),
    ]
)
STREAM = st.sampled_from([A, B, '{job="a", level="error"}', "{" + ", ".join(f'l{n:02}="v"' for n in range(17)) + "}"])
AGE = st.sampled_from([0, 0, 0, 40 * MINUTE, 90 * MINUTE, 2 * HOUR, 200 * HOUR])
LENGTH = st.sampled_from([0, 0, 0, 50, 300])
SPAN = st.lists(st.tuples(STREAM, st.lists(st.tuples(AGE, LENGTH), min_size=1, max_size=12)), max_size=4)


@settings(max_examples=settings().max_examples * 3 // 2)
@given(
    spans=st.lists(st.tuples(SPAN, st.booleans(), st.sampled_from(["one", "two"])), min_size=1, max_size=5),
    faults=st.lists(FAULTS, max_size=14),
    query_faults=st.lists(st.sampled_from([None, None, "500", "reset", "refused"]), max_size=6),
    pause=st.sampled_from([0.0, 0.3, 2.0]),
)
def test_for_every_sequence_of_replies_each_entry_is_stored_once_or_a_dead_letter(
    model, spans, faults, query_faults, pause
):
    number = 0

    async def scenario(bench):
        nonlocal number
        bench.server.max_age, bench.server.max_line = 168 * HOUR, 256
        bench.server.faults, bench.server.query_faults = list(faults), list(query_faults)
        for streams, replay, source in spans:
            merged = {}
            for labels, shapes in streams:
                for age, length in shapes:
                    number += 1
                    merged.setdefault(labels, []).append((START - age + number, b"%d " % number + b"x" * length))
            bench.add(*merged.items(), replay=replay, source=source)
            await asyncio.sleep(pause)
        await bench.delivery.drain()

    bench = model.run(scenario, batch_bytes=2000)
    assert bench.server.lines() + bench.refused() == Counter(bench.sent.values())
    assert len(bench.journal.committed) == len(spans)
    assert bench.names() <= {"entries_refused"}
    assert bench.delivery.total_outstanding() == 0


def test_what_loki_would_refuse_and_hide_behind_a_later_stream_is_not_lost(model):
    """A stream of 3.7 MB/s and a quiet one: in one push, the quiet one's success would hide what is refused."""
    quiet = '{job="quiet"}'

    async def scenario(bench):
        bench.server.stream_rate, bench.server.stream_burst = 3 * 1024.0**2, 5e6
        for number in range(100):
            at = bench.wall()
            fast = [(at + n, b"%d %d " % (number, n) + b"x" * 37_000) for n in range(10)]
            bench.add((A, fast), (quiet, [(at, b"quiet %d" % number)]))
            await asyncio.sleep(0.1)
        await bench.delivery.drain()

    bench = model.run(scenario)
    assert bench.server.lines() == Counter(bench.sent.values())
    assert any(status == 429 for _, status, _ in bench.server.pushes)


@settings(max_examples=settings().max_examples // 2)
@given(
    spans=st.lists(
        st.lists(st.tuples(st.sampled_from([A, B, '{job="c"}']), st.integers(1, 30)), min_size=1, max_size=3),
        min_size=1,
        max_size=8,
    ),
    stream_rate=st.sampled_from([None, 2000.0]),
    tenant_rate=st.sampled_from([None, 3000.0]),
    streams=st.sampled_from([None, 1, 2]),
    faults=st.lists(FAULTS, max_size=6),
    pause=st.sampled_from([0.1, 1.5]),
)
def test_for_every_mix_of_limits_each_entry_is_stored_exactly_once(
    model, spans, stream_rate, tenant_rate, streams, faults, pause
):
    async def scenario(bench):
        server = bench.server
        server.stream_rate, server.stream_burst = stream_rate, 10_000.0
        server.tenant_rate, server.tenant_burst = tenant_rate, 5000.0
        server.max_streams, server.faults = streams, list(faults)
        for number, parts in enumerate(spans):
            merged = {}
            for labels, count in parts:
                group = merged.setdefault(labels, [])
                group += [
                    (
                        bench.wall() + len(group) + n,
                        b"%d %s %d " % (number, labels.encode(), len(group) + n) + b"x" * 60,
                    )
                    for n in range(count)
                ]
            bench.add(*merged.items())
            await asyncio.sleep(pause)
        drained = asyncio.create_task(bench.delivery.drain())
        await asyncio.sleep(300)
        server.max_streams = None
        await drained

    with mock.patch("shipper.delivery.streams.FAST", 600):  # of 2000, as 1 of Loki's 3 MB/s
        bench = model.run(scenario, batch_bytes=2000)
    assert bench.server.lines() + bench.refused() == Counter(bench.sent.values())
    assert bench.names() <= {"entries_refused"}


@settings(max_examples=settings().max_examples // 2)
@given(faults=st.lists(FAULTS, max_size=12), spans=st.lists(st.integers(1, 20), min_size=1, max_size=4))
def test_for_every_sequence_of_replies_nothing_is_lost_where_loki_is_never_asked(model, faults, spans):
    async def scenario(bench):
        bench.server.faults = list(faults)
        for number, count in enumerate(spans):
            bench.add((A, entries(count, f"span {number}", START + number * 100)))
            await asyncio.sleep(0.7)
        await bench.delivery.drain()

    bench = model.run(scenario, verify="never")
    assert set(bench.server.lines()) | set(bench.refused()) == set(bench.sent.values())
    assert bench.server.queries == 0
