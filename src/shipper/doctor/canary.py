"""A line of our own through the source's pipeline to Loki, and back by a query.

Rule 1: its stream is its own, {job="shipper-doctor", source=…}, whatever labels the pipeline asks for.
Rule 2: it goes through the source's stages, to the tenant they choose; where they drop it, it is sent as it is.
Rule 3: accepted means answered as a push is that was stored; arrived means found by a query with its time and text.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from shipper.chunk import Carry, Chunk, Fingerprint, Lane, Origin, Span
from shipper.config.model import Auto, Json, Loki, ResolvedSource
from shipper.config.urls import shown_url
from shipper.delivery.client import Client, NoReply, Reply
from shipper.delivery.packed import Packer
from shipper.delivery.replies import Kind, classify
from shipper.delivery.verify import Refused, Unanswered, entries_of
from shipper.delivery.wire import decode_entries, encode_entry, encode_push, format_labels
from shipper.doctor.hop import Finding, Hop, hop, untried
from shipper.doctor.replies import is_page, no_reply, refusal, words_of
from shipper.failures import HINTS
from shipper.pipeline.compile import compile_pipeline

JOB: Final = "shipper-doctor"
PAUSES: Final = (0.05, 0.1, 0.2, 0.4)
"""Seconds between the questions, the last one from then on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """The line, made."""

    labels: str
    tenant: str
    timestamp: int
    text: bytes
    note: str
    """What the pipeline did with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """What became of it."""

    hops: tuple[Hop, ...]
    arrived: bool
    """Whether it was read back."""


def make_canary(resolved: ResolvedSource, tenant: str, now: int) -> Canary:
    """A line as the source's might be, through its stages."""
    line = _line(resolved, now)
    labels = format_labels({"job": JOB, "source": resolved.name})
    processed = compile_pipeline(_of_its_own(resolved))(_chunk(resolved.name, line, now), Carry())
    if not processed.parts:
        note = "the source's stages drop it, so it is sent as it is"
        return Canary(labels=labels, tenant=tenant, timestamp=now, text=line, note=note)
    (part,) = processed.parts
    (entry,) = decode_entries(bytes(part.body))
    note = f"through pipeline {resolved.pipeline}"
    return Canary(labels=labels, tenant=part.tenant or tenant, timestamp=entry.timestamp, text=entry.line, note=note)


def _of_its_own(resolved: ResolvedSource) -> ResolvedSource:
    """The source without what looks at its path or at other lines."""
    return msgspec.structs.replace(resolved, path_labels=None, multiline=None, type="file", filename_label=False)


def _line(resolved: ResolvedSource, now: int) -> bytes:
    """JSON where the pipeline reads it, else text; each one has a word that no other canary has."""
    word = f"shipper doctor canary {secrets.token_hex(6)}"
    if not any(isinstance(stage, Json | Auto) for stage in resolved.stages):
        return word.encode()
    message = next((stage.message[0] for stage in resolved.stages if isinstance(stage, Json)), "event")
    stamp = datetime.fromtimestamp(now / 1e9, UTC).isoformat().replace("+00:00", "Z")
    return msgspec.json.encode({message: word, "level": "info", "timestamp": stamp})


def _chunk(source: str, line: bytes, now: int) -> Chunk:
    span = Span(
        origin=Origin(source=source, generation=0, path=JOB),
        start=0,
        end=len(line) + 1,
        clock=now,
        after_eof=True,
        hit_eof=True,
        fingerprint=Fingerprint(),
    )
    return Chunk(span=span, lane=Lane(source, JOB), lines=[line], lengths=[len(line)], surplus={}, plain=True)


async def fly(loki: Loki, canary: Canary, patience: float) -> Flight:
    """Push it and ask for it."""
    client = Client(loki)
    try:
        begun = time.monotonic()
        pushed = await _push(client, loki, canary, begun)
        if pushed.findings:
            return Flight(hops=(pushed, untried("read back", "the canary was not taken")), arrived=False)
        back = await _read_back(client, loki, canary, patience, begun)
        return Flight(hops=(pushed, back), arrived=not back.findings)
    finally:
        await client.aclose()


async def _push(client: Client, loki: Loki, canary: Canary, begun: float) -> Hop:
    push = encode_push([(canary.labels, [encode_entry(canary.timestamp, canary.text)])])
    reply = await client.push(canary.tenant, Packer().block(push))
    took = f"{(time.monotonic() - begun) * 1000:.0f} ms"
    saw = f"{canary.labels}, {canary.note}"
    if isinstance(reply, NoReply):
        return hop("canary", saw, [no_reply(reply)])
    verdict = classify(reply.status, reply.headers, reply.body)
    if verdict.kind is Kind.ACCEPTED:
        return hop("canary", f"{saw}: {reply.status} after {took}")
    return hop("canary", saw, [_refused(reply, loki)])


def _refused(reply: Reply, loki: Loki) -> Finding:
    """A push that was not taken; a limit is told in Loki's words."""
    verdict = classify(reply.status, reply.headers, reply.body)
    if verdict.failure in ("rate_limited", "stream_rate_limited", "stream_limit") and not is_page(reply):
        what = f"{verdict.failure}: {verdict.detail}"
        return Finding(what=what, cure=HINTS[verdict.failure], broken=True)
    return refusal(reply, loki, loki.url, "loki.url")


async def _read_back(client: Client, loki: Loki, canary: Canary, patience: float, begun: float) -> Hop:
    """Ask until it is there or patience ends."""
    deadline, pauses = time.monotonic() + patience, iter(PAUSES)
    while True:
        reply = await client.get("query_range", canary.tenant, _question(canary))
        try:
            found = (canary.timestamp, canary.text.decode()) in entries_of(reply)
        except (Refused, Unanswered):
            return hop("read back", "the query was not answered", [_unanswered(reply, loki)])
        if found:
            return hop("read back", f"a query finds it {time.monotonic() - begun:.2f} s after it was sent")
        if time.monotonic() > deadline:
            return hop("read back", f"not found within {patience:g} s", [_missing(loki)])
        await asyncio.sleep(next(pauses, PAUSES[-1]))


def _question(canary: Canary) -> dict[str, str]:
    start, end = str(canary.timestamp), str(canary.timestamp + 1)
    return {"query": canary.labels, "start": start, "end": end, "limit": "10", "direction": "forward"}


def _unanswered(reply: Reply | NoReply, loki: Loki) -> Finding:
    url, key = (loki.query_url, "loki.query_url") if loki.query_url else (loki.url, "loki.url")
    if isinstance(reply, NoReply):
        return no_reply(reply)
    if reply.status == 404 and not loki.query_url:
        what = f"pushes are taken and queries are not known here (404, {words_of(reply)})"
        return Finding(what=what, cure="query_url in [loki]: the address of Loki's read path", broken=True)
    return refusal(reply, loki, url, key)


def _missing(loki: Loki) -> Finding:
    what = "Loki took the line and no query shows it: another Loki or tenant is asked, or its reading side lags"
    if loki.query_url:
        cure = f"compare url and query_url ({shown_url(loki.query_url)}) in [loki]: both have to lead to one Loki"
    else:
        cure = "look at Loki's ring and queriers (/ring), and whether a gateway sends reads elsewhere (query_url)"
    return Finding(what=what, cure=cure, broken=True)
