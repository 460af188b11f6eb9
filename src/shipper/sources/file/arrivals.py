"""Files that nobody owns: generations that came back, copies, and new ones.

Rule 1: what is known is asked first: a file at its path's own name may be a generation that had left it, one with a
        rotated name a copy of a generation, or one that was written at the path between two looks.
Rule 2: only then it is new, and what was there before it is finished first.
"""

from __future__ import annotations

# ruff: noqa: PTH118 - thousands of paths a sweep are joined and split here: os.path takes a tenth of pathlib's time
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from shipper.chunk import Fingerprint
from shipper.sources.file import between, rotation
from shipper.sources.file import fingerprint as identity
from shipper.sources.file.content import Content, reader
from shipper.sources.file.fingerprint import WINDOW
from shipper.sources.file.recall import Place
from shipper.sources.file.siblings import originals
from shipper.sources.file.tail import Tail
from shipper.sources.file.trail import Trail

if TYPE_CHECKING:
    from shipper.sources.file.roster import Roster


def welcome(roster: Roster, place: Place, now: float) -> None:
    """A file that nobody owns."""
    trail = roster.trails.get(place.path)
    if trail is not None and _comes_back(roster, trail, place, now):
        return
    relatives = _relatives(roster, place)
    if any(between.is_copy_of_known(roster, trail, place, now) for trail in relatives):
        return
    if any(between.came_between(roster, trail, place, now) for trail in relatives):
        return
    content = roster.handles.open(place.path, place.target)
    if content is None:
        return
    found, place = place, _opened(place, content)
    is_listed = trail is None and found.key == place.key
    trail = roster.trail(place.path)
    for tail in trail.tails:
        if tail.absent:
            rotation.conclude(roster, tail)
    if place.key in roster.owners:
        # Renamed and replaced since it was found: the next look meets what is there now.
        content.close()
        return
    if not is_listed:
        # Listed anew, after the open: what was renamed away before it is seen now, what is renamed later is open.
        roster.neighbours.forget()
    between.find(roster, trail, None, now, but=place.key, current=content)
    for tail in tuple(trail.tails):
        # A writer that kept the old file has ended with it by now: what it wrote last comes first.
        roster.refresh(trail, tail, now)
    start, known = _start(roster, content)
    if start == 0 and not roster.handles.spare():
        content.close()
        trail.promote(roster.begin(trail, place, now))
        return
    trail.promote(roster.begin(trail, place, now, content=content, start=start, known=known))


def _start(roster: Roster, content: Content) -> tuple[int, Fingerprint]:
    """Where reading begins, and the fingerprint up to there."""
    if not roster.start_at_end:
        return 0, Fingerprint()
    end = rotation.last_line_end(content)
    return end, identity.take(reader(content), end)


def _comes_back(roster: Roster, trail: Trail, place: Place, now: float) -> bool:
    """Whether a file is a generation of its path that had left, under another inode or device."""
    for tail in (*reversed(trail.tails), *reversed(trail.past)):
        vanished = tail.absent or (tail.finished and tail.seen_at == trail.path)
        may_be = place.key[1] == tail.key[1] or vanished or (tail.deleted and tail.scanned >= 4 * WINDOW)
        if not may_be or not tail.scanned or tail.gone or place.size < tail.scanned:
            continue
        if rotation.take_over(roster, tail, place):
            trail.past = [other for other in trail.past if other is not tail]
            trail.promote(tail)
            _resume(roster, trail, tail, place, now)
            return True
    return False


def _resume(roster: Roster, trail: Trail, tail: Tail, place: Place, now: float) -> None:
    """Read on in a generation that came back; a finished one goes on as a new one."""
    if not tail.finished:
        roster.out.notes.append(tail.note())
        roster.wake(tail, now, grew=True)
        return
    tail.close()
    if place.size > tail.scanned:
        roster.go_on(tail, place, now)


def _relatives(roster: Roster, place: Place) -> list[Trail]:
    """The paths a file may have been written under, by its name."""
    directory, name = os.path.split(place.path)
    paths = (os.path.join(directory, original) for original in originals(name))
    return [roster.trails[path] for path in paths if path in roster.trails]


def _opened(place: Place, content: Content) -> Place:
    """What is really at the place: between a look and an open a file may have been replaced."""
    info = content.stat()
    return replace(place, key=(info.st_dev, info.st_ino), changed=info.st_mtime_ns, size=info.st_size)
