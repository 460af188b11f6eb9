"""Dead letters sent once more: their text found again, one push each.

Rule 1: one entry a push, so Loki's reply is about that entry and nothing else.
Rule 2: a letter that points at bytes goes through its source's pipeline again, so what a `replace` stage hides stays
        hidden; only the time window is not applied, since that is why it was refused.
Rule 3: bytes are taken only from a file whose content is that of the generation the letter came from.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from shipper.chunk import Carry, Chunk, Fingerprint, Lane, Origin, Span
from shipper.clock import Clock
from shipper.config.model import Loki, ResolvedSource
from shipper.delivery.client import Client, NoReply, Transport
from shipper.delivery.packed import Packer
from shipper.delivery.replies import Kind, Verdict, classify
from shipper.delivery.settled import DeadLetter
from shipper.delivery.wire import encode_entry, encode_push, iterate_entries
from shipper.errors import DeliveryError, SourceError
from shipper.failures import HINTS
from shipper.pipeline.compile import compile_pipeline
from shipper.positions import KeptLetter
from shipper.sources.file.content import open_content, reader
from shipper.sources.file.fingerprint import agrees, of_file
from shipper.sources.file.paths import label
from shipper.sources.file.siblings import is_sibling
from shipper.sources.framing import Framer, join
from shipper.sources.step import Generation

TRIES = 5
PURGE = "purge the letter (shipper dead-letters purge ID)"
AGAIN = f"let Loki take it (its limits_config), give it the time of now (--restamp) if it is too old, or {PURGE}"
WAITING = (Kind.UNKNOWN, Kind.TENANT_RATE, Kind.STREAM_RATE, Kind.STREAM_LIMIT)
"""What a later try may get past."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one letter: taken by Loki, or not, and why."""

    id: int
    accepted: bool
    words: str = ""
    hint: str = ""
    """What can be done about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Where the texts of letters are that only point at bytes."""

    generations: Mapping[int, Generation]
    resolved: Mapping[str, ResolvedSource]
    """The configuration's sources by name."""

    def text_of(self, letter: DeadLetter) -> bytes:
        """The entry's text; SourceError if it cannot be had any more."""
        if letter.text is not None:
            return letter.text
        where = f"{label(letter.path)} at offset {letter.offset}"
        generation, resolved = self.generations.get(letter.generation), self.resolved.get(letter.source)
        if generation is None or resolved is None:
            missing = "its position" if generation is None else f"source {letter.source}"
            raise SourceError(
                f"{where}: {missing} is not known any more",
                hint=f"name the source as before, or {PURGE}",
            )
        for path in _candidates(generation):
            data = _bytes_in(path, generation, letter)
            if data is not None:
                return _processed(data, letter, resolved)
        raise SourceError(
            f"{where}: no file has these bytes any more",
            hint=f"put the file back under its name or a rotated one, or {PURGE}",
        )


def _candidates(generation: Generation) -> list[str]:
    """Where the generation may be now: where it was seen last, under its name, or rotated beside it."""
    directory = Path(generation.path).parent
    try:
        beside = sorted(str(path) for path in directory.iterdir() if is_sibling(str(path), generation.path))
    except OSError:
        beside = []
    return list(dict.fromkeys((generation.seen_at, generation.path, *beside)))


def _bytes_in(path: str, generation: Generation, letter: DeadLetter) -> bytes | None:
    """The letter's bytes, if this file is its generation."""
    try:
        content = open_content(os.path.realpath(path))
    except OSError:
        return None
    try:
        read, known = reader(content), of_file(generation.fingerprint)
        data = read(letter.offset, letter.length) if agrees(known, read, generation.offset) else b""
    except OSError:
        return None
    finally:
        content.close()
    return data if len(data) == letter.length else None


def _processed(data: bytes, letter: DeadLetter, resolved: ResolvedSource) -> bytes:
    """The text that the pipeline makes of these bytes."""
    framer = Framer(resolved.max_line_bytes, resolved.encoding, at_start=letter.offset == 0)
    framed = join(framer.feed(data), framer.finish())
    span = Span(
        origin=Origin(source=letter.source, generation=letter.generation, path=letter.path),
        start=letter.offset,
        end=letter.offset + letter.length,
        clock=letter.time,
        after_eof=True,
        hit_eof=False,
        fingerprint=Fingerprint(),
    )
    chunk = Chunk(
        span=span,
        lane=Lane(source=letter.source, path=letter.path),
        lines=framed.lines,
        lengths=framed.lengths,
        surplus=framed.surplus,
        plain=framed.plain,
    )
    pipeline = compile_pipeline(msgspec.structs.replace(resolved, max_age=0, max_ahead=0))
    parts = pipeline(chunk, Carry()).parts
    texts = [entry.line for part in parts for entry in iterate_entries(bytes(part.body))]
    if not texts:
        raise SourceError(
            f"{label(letter.path)} at offset {letter.offset}: the pipeline drops this line now",
            hint=f"change the pipeline, or {PURGE}",
        )
    return b"\n".join(texts)


async def resend(
    loki: Loki,
    letters: Sequence[KeptLetter],
    archive: Archive,
    *,
    restamp: bool,
    clock: Clock,
    transport: Transport | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Sent]:
    """Send letters one by one, each with its own time or (`restamp`) the clock's; DeliveryError without Loki."""
    client = Client(loki, transport)
    try:
        for kept in letters:
            try:
                text = archive.text_of(kept.letter)
            except SourceError as error:
                yield Sent(kept.id, False, error.message, error.hint)
                continue
            timestamp = clock.reserve(1) if restamp else kept.letter.timestamp
            body = Packer().block(encode_push([(kept.letter.labels, [encode_entry(timestamp, text)])]))
            verdict = await _push(client, kept.letter.tenant or loki.tenant or "", body, loki, sleep)
            accepted = verdict.kind is Kind.ACCEPTED
            yield Sent(kept.id, accepted, verdict.words, "" if accepted else AGAIN)
    finally:
        await client.aclose()


async def _push(
    client: Client, tenant: str, body: bytes, loki: Loki, sleep: Callable[[float], Awaitable[None]]
) -> Verdict:
    """Push until there is a verdict that waiting does not change."""
    failure, detail = "", ""
    for turn in range(TRIES):
        if turn:
            await sleep(min(loki.backoff.max, loki.backoff.min << turn) / 1e9)
        reply = await client.push(tenant, body)
        if isinstance(reply, NoReply):
            failure, detail = reply.failure, reply.detail
            continue
        verdict = classify(reply.status, reply.headers, reply.body)
        failure, detail = verdict.failure, verdict.detail
        if verdict.kind not in WAITING and verdict.kind is not Kind.HOLD:
            return verdict
        if verdict.kind is Kind.HOLD:
            break
    raise DeliveryError(f"{failure or 'Loki does not take it'}: {detail}", hint=HINTS.get(failure, "try again later"))
