"""Delivery over real sockets against the embedded receiver, both releases, with the faults it can make."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import msgspec
import pytest

from shipper.chunk import Carry, Fingerprint, Origin, Part, Processed, Span
from shipper.clock import Clock
from shipper.config.model import Backoff, Loki
from shipper.delivery.client import Client
from shipper.delivery.delivery import Delivery
from shipper.delivery.verify import entries_of
from shipper.delivery.wire import encode_entries
from shipper.devloki.server import Receiver
from shipper.failures import Failures
from shipper.ledger import Ledger

MILLISECOND, SECOND = 1_000_000, 1_000_000_000
A = '{job="a"}'


class Journal:
    def __init__(self):
        self.settled = []

    async def begin(self, spans, settled):
        self.settled += settled

    async def commit(self, settled):
        self.settled += settled


def processed(stamps, lines, replay=False):
    lengths = [len(line) for line in lines]
    span = Span(
        origin=Origin(source="s", generation=1, path="/p"),
        start=0,
        end=sum(lengths) + len(lines),
        clock=time.time_ns(),
        after_eof=False,
        hit_eof=False,
        fingerprint=Fingerprint(),
        replay=replay,
    )
    part = Part(
        tenant="",
        labels=A,
        body=encode_entries(stamps, lines, lengths),
        entries=len(lines),
        lines=len(lines),
        first=min(stamps),
        last=max(stamps),
        where=range(len(lines)),
    )
    return Processed(span=span, lines=len(lines), parts=[part], carry=Carry(), lengths=lengths, surplus={})


def deliver(version, spans, faults=(), **settings):
    """Ship spans of (timestamps, lines, replay); return what is stored, the dead letters' reasons, the books."""

    async def main():
        async with Receiver(version=version, **settings) as receiver:
            for fault in faults:
                receiver.fault(**fault)
            loki = Loki(
                url=receiver.url,
                timeout=SECOND,
                batch_wait=20 * MILLISECOND,
                backoff=Backoff(min=5 * MILLISECOND, max=50 * MILLISECOND),
            )
            journal, ledger = Journal(), Ledger()
            delivery = Delivery(
                loki, journal=journal, ledger=ledger, failures=Failures(), clock=Clock(), label_names=lambda: {"job"}
            )
            task = asyncio.create_task(delivery.run())
            try:
                async with asyncio.timeout(120):
                    for stamps, lines, replay in spans:
                        delivery.add(processed(stamps, lines, replay))
                        await delivery.drain()
            finally:
                await delivery.close(1.0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            client = Client(msgspec.structs.replace(loki, timeout=60 * SECOND))
            first = min(min(stamps) for stamps, _, _ in spans)
            end = str(max(max(stamps) for stamps, _, _ in spans) + SECOND)
            query = {"query": A, "start": str(first), "end": end, "limit": "5000", "direction": "forward"}
            stored = entries_of(await client.get("query_range", "", query))
            await client.aclose()
        reasons = Counter(letter.reason for settled in journal.settled for letter in settled.dead_letters)
        assert ledger.imbalances() == {}
        return stored, reasons, ledger.account("s")

    return asyncio.run(main())


@pytest.mark.parametrize("version", ["2.9", "3.4"])
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503, "headers": {"retry-after": "0"}},
        {"status": 500, "stored": True},
        {"reset": "before_store"},
        {"reset": "after_store"},
        {"delay": 1.5, "stored": True},
        {"status": 429, "body": "too many requests"},
        {"status": 401, "body": "no org id"},
        {"status": 413},
    ],
    ids=str,
)
def test_after_each_fault_every_entry_is_stored_once(version, fault):
    now = time.time_ns()
    lines = [b"line %d " % n + b"." * 200 for n in range(3000)]
    stamps = list(range(now, now + len(lines)))
    stored, reasons, account = deliver(version, [(stamps, lines, False)], [{**fault, "count": 2}])
    assert stored == [(at, line.decode()) for at, line in zip(stamps, lines, strict=True)]
    assert (reasons, account.delivered, account.in_flight) == (Counter(), 3000, 0)


@pytest.mark.parametrize("version", ["2.9", "3.4"])
def test_what_a_killed_agent_sent_is_not_stored_again(version):
    now = time.time_ns()
    lines = [b"line %d " % n + b"." * 200 for n in range(3000)]
    stamps = list(range(now, now + len(lines)))
    half = (stamps[:2000], lines[:2000], False)
    stored, _, _ = deliver(version, [half, (stamps, lines, True)])
    assert stored == [(at, line.decode()) for at, line in zip(stamps, lines, strict=True)]


@pytest.mark.parametrize("version", ["2.9", "3.4"])
def test_entries_that_a_release_refuses_become_dead_letters_and_the_others_are_stored(version):
    now = time.time_ns()
    week = 8 * 24 * 3600 * SECOND
    stamps = [now - week, now - week + 1, now, now + 1, now + 7200 * SECOND]
    lines = [b"old 1", b"old 2", b"good 1", b"good 2", b"future"]
    stored, reasons, account = deliver(version, [(stamps, lines, False)])
    assert [line for _, line in stored if "good" in line] == ["good 1", "good 2"]
    assert (reasons["too_old"], account.delivered + account.dead_lettered.total()) == (2, 5)
