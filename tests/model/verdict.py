"""What is wrong in the end: Loki's lines against the model's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.model.life import NAME
from tests.model.witness import Entry
from tests.model.writer import Line, Service

if TYPE_CHECKING:
    from tests.model.test_model import World


def verdict(world: World) -> list[str]:
    """Everything that is wrong with what arrived, in words."""
    return [*_sets(world), *_order(world), *_counts(world), *_lost(world)]


def _sets(world: World) -> Iterator[str]:
    """Missing, doubled and invented lines; a dead letter counts as arrived."""
    lines = [line for service in world.services.values() for line in service.lines]
    must = Counter(line.text for line in lines if line.fate == "must")
    may = Counter(line.text for line in lines if line.fate == "may")
    entries = world.server.stored + Counter(_letters(world))
    # Where Loki may not be asked, an entry is repeated byte for byte, which a log query shows once, or is refused then.
    arrived = Counter(entry.text for entry in (entries.elements() if world.server.readable else entries))
    if missing := must - arrived:
        yield f"missing: {dict(missing)}"
    if too_many := arrived - must - may:
        yield f"doubled or invented: {dict(too_many)}"


def _letters(world: World) -> list[Entry]:
    query = "SELECT generation, position FROM dead_letters"
    return [world.witness.made_at(origin) for origin in world.life.journal._database.execute(query)]


def _counts(world: World) -> Iterator[str]:
    """Loki's own count, and the repetitions it did not store."""
    counted = world.life.loop.run_until_complete(world.server.counted())
    if counted != world.server.stored.total():
        yield f"count_over_time says {counted}, {world.server.stored.total()} were stored"
    if world.server.readable and world.server.ignored:
        yield f"{world.server.ignored} entries were sent again"


def _order(world: World) -> Iterator[str]:
    """Of the lines of one service the later ones have the later timestamps, where their own times allow it.

    Where a file vanished unread while nobody held it, or was copied and truncated while nobody looked, what stood where
    in the row of its generations is a guess; after a power cut nobody knows what times the lines had that are nowhere
    any more.
    """
    times = {entry.text: entry.time for entry in world.server.stored}
    for service in world.services.values():
        if _has_vanished(service) or service in world.unseen or world.has_forgotten:
            continue
        before: tuple[int, Line] | None = None
        texts = Counter(line.text for line in service.lines)
        for line, shaky in zip(service.lines, _shaky(service), strict=True):
            at = times.get(line.text)
            if shaky:
                before = None
            elif at is not None and texts[line.text] == 1:
                if before is not None and at <= before[0]:
                    yield f"{line.text!r} at {at} comes before {before[1].text!r} at {before[0]}"
                before = (at, line)


def _has_vanished(service: Service) -> bool:
    return any(line.fate == "may" for line in service.lines)


def _shaky(service: Service) -> list[bool]:
    """Of each line, whether it, or the next one with a time of its own, is earlier than those before."""
    shaky, next_is_earlier = [], False
    for line in reversed(service.lines):
        if line.time is not None:
            next_is_earlier = line.earlier
        shaky.append(line.earlier or (line.time is None and next_is_earlier))
    return shaky[::-1]


def _lost(world: World) -> Iterator[str]:
    """What the agent says was thrown away unread, over all its lives.

    A power cut may make it forget what it had counted, or delivered of what is nowhere any more.
    """
    said = world.life.ledger.account(NAME).truncated_unread
    vanished = any(_has_vanished(service) for service in world.services.values())
    if said != world.lost and not (vanished or world.has_forgotten):
        yield f"{world.lost} bytes were thrown away, {said} were counted"
