"""What happens when a path no longer names what it did, or a file no longer holds it.

Rule 1: what was there is finished first: through its descriptor, or from the sibling that holds the same content.
Rule 2: then what came and went between two looks (`between`), then what is there now.
Rule 3: bytes known to have been there and gone before they were read are counted, and named once.
"""

from __future__ import annotations

# ruff: noqa: PTH120 - thousands of paths a sweep are joined and split here: os.path takes a tenth of pathlib's time
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shipper.sources.file import between
from shipper.sources.file import fingerprint as identity
from shipper.sources.file.content import Content, Gzip, reader
from shipper.sources.file.neighbours import place_at
from shipper.sources.file.paths import label
from shipper.sources.file.recall import Place
from shipper.sources.file.tail import Tail
from shipper.sources.file.trail import LINGER, Trail, is_over
from shipper.sources.step import OpenSpan

if TYPE_CHECKING:
    from shipper.sources.file.roster import Roster
from shipper.sources.step import replayed

ABSENCE = 600.0
"""Seconds after which a file that was not found again is given up, if its directory is there."""

REMEMBERED = 8
"""Finished generations of a path that are remembered though their files are gone."""


def leave(roster: Roster, trail: Trail, now: float) -> None:
    """The path no longer names the generation it did: find where that went, and what came between."""
    tail = trail.live
    if tail is None:
        return
    roster.neighbours.forget()
    roster.woken.add(trail)
    tail.rotated_at = now
    roster.refresh(trail, tail, now)
    if trail.live is not tail:
        # It was truncated before it was renamed: what is there now is the one that left.
        leave(roster, trail, now)
        return
    trail.live = None
    places = roster.neighbours.of(trail.path)
    _seek(roster, trail, tail, places, now)
    if not tail.finished:
        roster.out.notes.append(tail.note())
    # What looked like a copy of it was none: it is gone, and was not truncated.
    if trail.doubtful:
        between.find(roster, trail, None, now, only=frozenset(trail.doubtful))
    trail.doubtful.clear()
    trail.left = tail.changed
    trail.strangers &= {place.stranger_key for place in places}
    if tail.seen_at != trail.path:
        between.find(roster, trail, tail, now)
    else:
        between.find_beside_path(roster, trail, tail, now)
    _forget_past(roster, trail, places)


def _seek(roster: Roster, trail: Trail, tail: Tail, places: Sequence[Place], now: float) -> None:
    """Where a generation is that has left its path: beside it, or where the link led that is another one now."""
    for place in (*places, *(place_at(tail.target) if tail.linked else ())):
        if place.key == tail.key and roster.owner(place, now) is tail:
            tail.seen_at = tail.target = place.path
            return
    if tail.content is not None or tail.finished:
        return
    for place in reversed(places):
        if roster.is_free(trail, place, now) and take_over(roster, tail, place):
            roster.wake(tail, now, grew=True)
            return
    tail.absent = True


def seek_again(roster: Roster, trail: Trail, tail: Tail, now: float) -> None:
    """A closed file could not be opened where it was seen last: it may be elsewhere, and another one there."""
    if tail.rotated_at is not None and all(place.key != tail.key for place in place_at(tail.target)):
        roster.neighbours.forget()
        _seek(roster, trail, tail, roster.neighbours.of(trail.path), now)


def was_emptied(roster: Roster, tail: Tail, content: Content, now: float) -> bool:
    """Whether a file that begins as it did was truncated all the same: copied and begun anew with the same lines."""
    trail, size = roster.trails[tail.lane.path], content.size()
    if isinstance(content, Gzip) or size >= tail.disk:
        return False
    if size < tail.scanned or not tail.scanned:
        return True
    copies = (place for place in roster.neighbours.of(trail.path) if place.size >= tail.disk)
    if any(place.changed >= tail.changed and roster.is_free(trail, place, now) for place in copies):
        return True
    # Only its end was cut off.
    known, tail.size = max(tail.disk, tail.size), size
    count_lost(roster, tail, known - size)
    return False


def truncated(roster: Roster, trail: Trail, tail: Tail, now: float) -> None:
    """A generation's file no longer holds what was read: finish it from a copy, and begin the file anew."""
    was_live, rotated_at = trail.live is tail, tail.rotated_at
    place = Place(tail.seen_at, tail.target, tail.key, 0, 0)
    known, content = tail.size, tail.detach()
    if roster.owners.get(tail.key) is tail:
        del roster.owners[tail.key]
    tail.rotated_at = now
    if was_live:
        trail.live, trail.left = None, max(trail.left, tail.changed)
    roster.neighbours.forget()
    places = [other for other in roster.neighbours.of(trail.path) if other.key != place.key]
    _find_copy(roster, trail, tail, places, now)
    trail.doubtful.clear()
    count_lost(roster, tail, _shortfall(tail, known))
    roster.out.notes.append(tail.note())
    roster.woken.add(trail)
    content = content or roster.handles.open_place(place)
    between.find(roster, trail, tail, now, but=place.key, current=content)
    if content is not None:
        new = roster.begin(trail, place, now, content=content, after=None if was_live else tail)
        if was_live:
            trail.promote(new)
        else:
            new.rotated_at = rotated_at


def _shortfall(tail: Tail, known: int) -> int:
    """How many of `known` bytes are neither in the content nor in memory; a copy being compressed will have them."""
    if isinstance(tail.content, Gzip):
        return known - tail.content.size() if tail.content.whole else 0
    return known - max(tail.size, tail.scanned)


def _find_copy(roster: Roster, trail: Trail, tail: Tail, places: Sequence[Place], now: float) -> None:
    """Read on from the copy that was made before a truncation; if there is none, what is in memory is all there is."""
    for place in reversed(places):
        mine = roster.owners.get(place.key) is tail
        # What was there before is no copy of what was written since.
        may_be = place.changed >= tail.changed or not trail.ignores(place)
        if (mine or (may_be and roster.owner(place, now) is None)) and take_over(roster, tail, place):
            return
    give_up(roster, tail)


def take_next(roster: Roster, trail: Trail, tail: Tail, since: int, now: float) -> None:
    """Nothing was read of a generation that is sought: the first file that is newer than the ones before is it."""
    for place in roster.neighbours.of(trail.path):
        if place.changed >= since and roster.is_free(trail, place, now) and take_over(roster, tail, place):
            return


def take_over(roster: Roster, tail: Tail, place: Place) -> bool:
    """Read a generation from another file on, if that holds the same content."""
    content = roster.handles.open_place(place)
    if content is None:
        return False
    fits = False
    with roster.handles.guard(place.path):
        fits = _fits(tail, place, content)
        if fits:
            roster.attach(tail, content, place)
    if not fits:
        content.close()
    return fits


def _fits(tail: Tail, place: Place, content: Content) -> bool:
    """Whether a file holds what was read of a generation, or what was seen of it."""
    if tail.replays and not _holds(content, tail.replays[0]):
        return False
    if tail.scanned:
        return (isinstance(content, Gzip) or place.size >= tail.scanned) and tail.accepts(content, copy=True)
    unfinished = isinstance(content, Gzip) and not content.whole
    size = content.size()
    # One that was deleted grew no more: only what is as long may be a copy of it.
    fits = size == tail.size if tail.deleted else size >= tail.size
    return not unfinished and fits and size > 0 and tail.size > 0 and tail.accepts(content)


def _holds(content: Content, span: OpenSpan) -> bool:
    """Whether a content has the bytes of a span that is to be read again."""
    return identity.agrees(identity.of_file(span.fingerprint), reader(content), span.end)


def give_up(roster: Roster, tail: Tail) -> None:
    """Nothing more can be read of a generation: what is in memory is final."""
    roster.out.abandoned.extend(replayed(span, tail.origin) for span in tail.replays if not span.settled)
    if any(not span.settled for span in tail.replays):
        detail = f"spans of {label(tail.lane.path)} could not be read again"
        roster.failures.once("replay_missing", detail, source=roster.name, what=label(tail.lane.path))
    if tail.replays:
        tail.offset = tail.scanned = tail.replays[-1].end
        tail.replays.clear()
    if tail.unread:
        tail.cut_rest()
    tail.close()
    tail.gone, tail.absent = True, False
    tail.size = tail.scanned


def conclude(roster: Roster, tail: Tail) -> None:
    """A generation that was sought in vain is lost."""
    known, sought = tail.size, bool(tail.replays)
    give_up(roster, tail)
    lost = max(0, known - tail.scanned)
    if lost or sought:
        detail = f"{label(tail.lane.path)}: {lost} unread bytes are gone"
        roster.failures.once("generation_lost", detail, source=roster.name, what=label(tail.lane.path))
    roster.out.notes.append(tail.note(lost=lost))
    roster.woken.add(roster.trails[tail.lane.path])


def relinquish(roster: Roster, tail: Tail) -> None:
    """A deleted file is kept open no longer, though it is not read to its end."""
    known, path = tail.size, label(tail.lane.path)
    give_up(roster, tail)
    lost = known - tail.scanned
    if lost:
        roster.failures.begin("held_deleted_full", f"{path}: {lost} unread bytes were given up", source=roster.name)
    roster.out.notes.append(tail.note())
    count_lost(roster, tail, lost)
    roster.woken.add(roster.trails[tail.lane.path])


def count_lost(roster: Roster, tail: Tail, lost: int) -> None:
    """Count the bytes that a truncation took before they were read; `tail.size` is without them already."""
    if lost > 0:
        roster.out.notes.append(tail.note(lost=lost))
        detail = f"{lost} bytes of {label(tail.lane.path)} were gone before they were read"
        roster.failures.once("truncated_unread", detail, source=roster.name, what=label(tail.lane.path))


def tend(roster: Roster, trail: Trail, now: float) -> None:
    """What only time brings about: rotated generations end, files at rest are closed."""
    for tail in tuple(trail.tails):
        if tail.rotated_at is None:
            # An empty file is known by its inode alone: closed, it would not be known at all.
            idle = now - max(tail.grown_at, tail.used_at) > LINGER
            if idle and tail.content is not None and tail.drained and tail.scanned:
                tail.close()
            continue
        roster.refresh(trail, tail, now)
        if tail.absent and now - tail.rotated_at > ABSENCE and _has_entries(os.path.dirname(trail.path)):
            conclude(roster, tail)
        if is_over(tail, now, roster.rotate_wait):
            _finish(roster, trail, tail)


def _finish(roster: Roster, trail: Trail, tail: Tail) -> None:
    """Nothing more will come from a rotated generation."""
    trail.tails.remove(tail)
    tail.close()
    if tail.seen_at in roster.visible and not tail.deleted and not tail.gone:
        # The globs match its new name: while it can be seen there it must be known.
        trail.past.append(tail)
        return
    tail.finished = True
    roster.out.notes.append(tail.note(final=tail.offset))
    if (tail.deleted or tail.gone) and roster.owners.get(tail.key) is tail:
        del roster.owners[tail.key]
    trail.past.append(tail)


def _forget_past(roster: Roster, trail: Trail, places: Sequence[Place]) -> None:
    """Drop the finished generations whose files are no longer there, but the latest: a compressed copy may come."""
    there = {place.key for place in places}
    for tail in trail.past:
        if tail.key not in there and tail.seen_at not in roster.visible and roster.owners.get(tail.key) is tail:
            del roster.owners[tail.key]
    latest = trail.past[-REMEMBERED:]
    trail.past = [tail for tail in trail.past if tail in latest or roster.owners.get(tail.key) is tail]


def last_line_end(content: Content) -> int:
    """The offset after the last LF: where a source begins that wants to see new lines only."""
    end = content.size()
    if isinstance(content, Gzip):
        return end if content.whole else content.size()
    at = end
    while at > 0:
        begin = max(0, at - 64 * 1024)
        newline = content.read(begin, at - begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        at = begin
    return 0


def _has_entries(directory: str) -> bool:
    try:
        with os.scandir(directory) as entries:
            return next(entries, None) is not None
    except OSError:
        return False
