"""Another way to Loki while delivery runs, on virtual time: what waits goes there, once."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.chunk import Carry
from shipper.config.model import Backoff, BasicAuth, Loki, Tls
from shipper.delivery.client import Client
from shipper.delivery.route import LEAVING
from shipper.errors import JournalError

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND
A, B = '{job="a"}', '{job="b"}'
SLOW = Backoff(min=300 * SECOND, max=300 * SECOND)
HELD = ["refused", (401, {}, b"no org id"), (404, {}, b"404 page not found"), (429, {"retry-after": "250"}, b"")]
DOUBTFUL = ["reset", "lost", "500-stored", "500", "stall"]


def entries(count, prefix="line"):
    return [(START + index, f"{prefix} {index}".encode()) for index in range(count)]


def texts(*groups):
    return Counter(line for group in groups for _, line in group)


async def redirect(bench, loki, server=None):
    await bench.delivery.redirect(loki, Client(loki, httpx.MockTransport(server or bench.server)))


@pytest.mark.parametrize("fault", HELD, ids=str)
def test_what_was_held_goes_the_new_way_at_once(model, fault):
    async def scenario(bench):
        bench.server.faults = [fault] * 99
        bench.add((A, entries(20)), (B, entries(5, "other")))
        await asyncio.sleep(10)
        assert bench.names()
        bench.server.faults = []
        mended = bench.loop.time()
        await redirect(bench, Loki(timeout=SECOND))
        await bench.delivery.drain()
        assert bench.loop.time() - mended < 1
        assert bench.names() == set()

    bench = model.run(scenario, backoff=SLOW)
    assert bench.server.lines() == texts(entries(20), entries(5, "other"))


@pytest.mark.parametrize("fault", DOUBTFUL)
def test_what_is_in_doubt_is_asked_about_at_the_new_place(model, fault):
    async def scenario(bench):
        bench.server.faults = [fault]
        bench.add((A, entries(20)))
        await asyncio.sleep(2)
        await redirect(bench, Loki(timeout=SECOND))
        await bench.delivery.drain()

    bench = model.run(scenario, backoff=SLOW, timeout=SECOND)
    assert bench.server.lines() == texts(entries(20))
    assert bench.server.queries > 0
    assert bench.names() == set()


def test_a_push_that_hangs_keeps_the_others_for_two_seconds_only(model):
    async def scenario(bench):
        bench.server.hangs = b"stuck"
        bench.add((A, entries(3, "stuck")))
        await asyncio.sleep(2)
        bench.add((B, entries(3)))
        left = bench.loop.time()
        await redirect(bench, Loki(timeout=60 * SECOND))
        assert bench.loop.time() - left == pytest.approx(LEAVING)
        bench.server.hangs = None
        await asyncio.sleep(2)
        assert bench.server.lines() == texts(entries(3))
        await bench.delivery.drain()
        assert bench.loop.time() - left > 60, "what was sent may arrive until then"

    bench = model.run(scenario, timeout=60 * SECOND, max_in_flight=1)
    assert bench.server.lines() == texts(entries(3), entries(3, "stuck"))


def test_lines_without_a_tenant_of_their_own_follow_the_new_one(model):
    async def scenario(bench):
        bench.server.faults = ["refused"] * 3
        bench.add((A, entries(2)))
        bench.add((B, entries(2, "own")), tenant="old")
        await asyncio.sleep(5)
        bench.add((A, entries(2, "batched")))
        await redirect(bench, Loki(tenant="new"))
        bench.add((A, entries(2, "later")))
        await bench.delivery.drain()

    bench = model.run(scenario, backoff=SLOW, tenant="old")
    by_tenant = {key: texts([(0, entry.line) for entry in stored]) for key, stored in bench.server.stored.items()}
    assert by_tenant == {
        ("new", A): texts(entries(2), entries(2, "batched"), entries(2, "later")),
        ("old", B): texts(entries(2, "own")),
    }


def test_another_server_is_asked_and_gets_what_it_lacks(model):
    others = []

    async def scenario(bench):
        bench.server.faults = ["lost"]
        bench.add((A, entries(4)))
        await asyncio.sleep(2)
        other = model.ModelLoki(now=bench.wall)
        others.append(other)
        await redirect(bench, Loki(url="http://other:3100"), other)
        await bench.delivery.drain()

    model.run(scenario, backoff=SLOW)
    assert others[0].lines() == texts(entries(4))
    assert others[0].queries > 0


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_however_often_the_way_changes_everything_arrives_once(model, data):
    faults = data.draw(st.lists(st.sampled_from([*HELD, *DOUBTFUL, "ok"]), max_size=12))
    pauses = data.draw(st.lists(st.sampled_from([0.0, 0.005, 0.3, 1.1, 2.5, 12.0]), min_size=1, max_size=6))
    sent = []

    async def scenario(bench):
        bench.server.faults = [fault for fault in faults if fault != "ok"]
        bench.server.query_faults = data.draw(st.lists(st.sampled_from(["refused", "reset"]), max_size=2))
        for turn, pause in enumerate(pauses):
            for labels in (A, B):
                sent.append(entries(5, f"{turn} {labels}"))
                bench.add((labels, sent[-1]))
            await asyncio.sleep(pause)
            await redirect(bench, Loki(timeout=SECOND, max_in_flight=1 + turn % 3, batch_bytes=200 + turn))
            bench.check_books()
            assert bench.delivery.under_way()["files"] == bench.ledger.account("files").in_flight
        await bench.delivery.drain()

    bench = model.run(scenario, timeout=SECOND)
    assert bench.server.lines() == texts(*sent)
    assert bench.names() == set()


def test_begun_waits_for_the_journal_and_names_what_is_under_way(model):
    async def scenario(bench):
        bench.server.faults = ["refused"] * 9
        bench.journal.begin_errors = [JournalError("full"), JournalError("full")]
        first = bench.add((A, entries(1)))
        bench.add((B, entries(1)), source="other")
        second = bench.add((A, entries(1, "more")))
        await bench.delivery.begun("files")
        rows = [first.span.row, second.span.row]
        assert sorted(rows) == sorted(set(rows) - {0})
        assert bench.delivery.carries("files") == dict.fromkeys(rows, Carry())

    model.run(scenario)


def test_an_unchanged_way_is_gone_again_only_if_it_is_in_trouble_or_its_files_changed(model, tmp_path: Path):
    password = tmp_path / "password"
    password.write_text("wrong")
    certificate = tmp_path / "ca.pem"
    certificate.write_text("old")
    loki = Loki(basic_auth=BasicAuth(username="u", password_file=str(password)), tls=Tls(ca_file=str(certificate)))
    told = []

    async def scenario(bench):
        def ask():
            told.append(bench.delivery.would_redirect(loki))

        bench.add((A, entries(1)))
        await bench.delivery.drain()
        ask()
        told.append(bench.delivery.would_redirect(msgspec.structs.replace(loki, max_in_flight=2)))
        certificate.write_text("newer")
        ask()
        certificate.write_text("old")
        await redirect(bench, loki)
        bench.add((A, entries(1, "more")))
        await bench.delivery.drain()
        ask()
        password.write_text("another")
        ask()
        bench.server.faults = ["refused"] * 99
        bench.add((A, entries(1, "last")))
        await asyncio.sleep(5)
        ask()
        bench.server.faults = []

    options = {name: getattr(loki, name) for name in loki.__struct_fields__}
    model.run(scenario, **options)
    assert told == [False, True, True, False, True, True]
