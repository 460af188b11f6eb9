"""Generations that came and went between two looks, and copies that only look like them.

Rule 1: they are siblings that nobody owns, that were not there before the path was, and that are newer than what left
        the path last; they are read oldest first, under the path's own name.
Rule 2: `app-20260127.log` and `app.1.log` may as well be live logs of their own: they count only where the generation
        that was known before went to a name like that.
Rule 3: a copy of a known generation is no generation. A short copy of the live file is in doubt until the truncation
        it was made for: if none follows, it was a generation of its own with the same first lines.
"""

from __future__ import annotations

# ruff: noqa: PTH113, PTH119 - os.path takes a tenth of pathlib's time
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shipper.sources.file import fingerprint as identity
from shipper.sources.file.content import Content, Gzip, reader
from shipper.sources.file.fingerprint import WINDOW
from shipper.sources.file.recall import Place
from shipper.sources.file.tail import Tail
from shipper.sources.file.trail import SLACK, SiblingKey, Trail

if TYPE_CHECKING:
    from shipper.sources.file.roster import Roster

FORGET = 3600.0
"""Seconds after which a path is forgotten of which no file is left."""
SHORT = 4096
"""A file that is longer and has the same first and last KiB as another one up to its end is a copy of it."""
GZIP_PATIENCE = 60.0
"""Seconds that a compressed file may stay unfinished before it counts as damaged."""
ATTEMPTS = 20
"""Looks that may be overtaken by renames in a row."""
DOUBT = 15.0
"""Seconds in which a copy of a live file is expected to be followed by a truncation."""


def find(
    roster: Roster,
    trail: Trail,
    tail: Tail | None,
    now: float,
    *,
    but: tuple[int, int] | None = None,
    only: Collection[SiblingKey] | None = None,
    current: Content | None = None,
) -> None:
    """Begin what was rotated after `tail` (of `only` these) and before `current`, and is neither the file `but` nor a
    copy of `current`."""
    begun = [tail]
    for _ in range(ATTEMPTS):
        places = [
            place
            for place in _before(roster.neighbours.of(trail.path), current)
            if place.key != but and (only is None or place.sibling_key in only)
        ]
        if _begin_all(roster, trail, tail, begun, places, now, current):
            return
        roster.neighbours.forget()


def _before(places: Sequence[Place], current: Content | None) -> Sequence[Place]:
    """What is older than `current`: all, unless that has been renamed meanwhile and is one of them itself."""
    if current is None or not places:
        return places
    info = current.stat()
    keys = [place.key for place in places]
    key = info.st_dev, info.st_ino
    return places[: keys.index(key)] if key in keys else places


def _begin_all(
    roster: Roster,
    trail: Trail,
    tail: Tail | None,
    begun: list[Tail | None],
    places: Sequence[Place],
    now: float,
    current: Content | None,
) -> bool:
    """Begin the places that are generations after `tail`, oldest first; False once one is no longer where it was."""
    for place in places:
        if not may_be(trail, tail, place) or not roster.is_free(trail, place, now):
            continue
        content = roster.handles.open(place.path, place.target)
        if not _is_at(place, content):
            # Renamed since it was listed, as a chain of backups is: what was opened may be another one.
            if content is not None:
                content.close()
            return False
        if content is None:
            continue
        if _is_copy_or_unfinished(roster, trail, tail, place, content) or (
            current is not None and is_doubtful(trail, place, content, current, now)
        ):
            content.close()
            continue
        begun.append(roster.begin(trail, place, now, content=content, after=begun[-1]))
    return True


def _is_at(place: Place, content: Content | None) -> bool:
    """Whether a file is still where it was listed; one that cannot be opened is looked up by name."""
    try:
        info = Path(place.target).stat() if content is None else content.stat()
    except OSError:
        return False
    return (info.st_dev, info.st_ino) == place.key


def find_beside_path(roster: Roster, trail: Trail, tail: Tail | None, now: float) -> None:
    """The same, where what is at the path now may have been copied to be truncated."""
    there = os.path.isfile(trail.path)
    current = roster.handles.open(trail.path, os.path.realpath(trail.path)) if there else None
    find(roster, trail, tail, now, current=current)
    if current is not None:
        current.close()


def look_beside(roster: Roster, now: float) -> None:
    """Look for what came and went where it leaves no other trace; forget paths of which nothing is left."""
    for trail in tuple(roster.trails.values()):
        if trail.live is None:
            find(roster, trail, trail.tails[-1] if trail.tails else None, now)
            _forget(roster, trail, now)
        elif trail.live.content is not None:
            find(roster, trail, None, now, current=trail.live.content)


def _forget(roster: Roster, trail: Trail, now: float) -> None:
    owned = any(roster.owners.get(tail.key) is tail for tail in trail.past)
    trail.gone_at = now if trail.tails or owned else min(trail.gone_at, now)
    if now - trail.gone_at > FORGET:
        del roster.trails[trail.path]


def may_be(trail: Trail, tail: Tail | None, place: Place) -> bool:
    """Whether name and time let a sibling be a generation that came after `tail`."""
    if place.sibling_key in trail.doubtful:
        return True
    name = os.path.basename(trail.path)
    styled = tail is not None and not os.path.basename(tail.seen_at).startswith(name)
    return place.changed >= trail.left - SLACK and (styled or os.path.basename(place.path).startswith(name))


def _is_copy_or_unfinished(roster: Roster, trail: Trail, tail: Tail | None, place: Place, content: Content) -> bool:
    """Whether a sibling is a copy of a generation, compressed or made before that was deleted."""
    relatives: Sequence[Tail] = ()
    if isinstance(content, Gzip):
        relatives = (*trail.tails, *trail.past)
    elif tail is not None and (tail.deleted or tail.content is None):
        relatives = (tail,)
    original = next((relative for relative in relatives if is_copy(relative, content)), None)
    if original is not None:
        roster.owners[place.key] = original
    # What is being compressed still lies beside it.
    return original is not None or (isinstance(content, Gzip) and not content.whole)


def came_between(roster: Roster, trail: Trail, place: Place, now: float) -> bool:
    """Whether a file with a rotated name was written at a path that names nothing now."""
    if trail.live is not None or not may_be(trail, None, place) or not roster.is_free(trail, place, now):
        return False
    find(roster, trail, None, now)
    return roster.owner(place, now) is not None


def is_copy_of_known(roster: Roster, trail: Trail, place: Place, now: float) -> bool:
    """Whether a file with a rotated name is a copy of a generation: then it is that generation."""
    content = roster.handles.open_place(place)
    if content is None:
        return True
    try:
        if isinstance(content, Gzip) and not content.whole:
            return now - roster.unfinished.setdefault(place.key, now) < GZIP_PATIENCE
        return _is_copy_of_one(roster, trail, place, content, now)
    finally:
        content.close()


def _is_copy_of_one(roster: Roster, trail: Trail, place: Place, content: Content, now: float) -> bool:
    for tail in (*trail.tails, *trail.past):
        if not (tail.finished or tail.absent or tail.gone):
            roster.ensure_open(tail)
        if is_copy(tail, content):
            if tail is trail.live and is_short(place, content):
                trail.doubtful.setdefault(place.sibling_key, now)
            else:
                roster.owners[place.key] = tail
            return True
    return False


def is_copy(tail: Tail, content: Content) -> bool:
    """Whether `content` holds the first bytes of a generation (all of them, if that is closed), and nothing else.

    An open one is asked itself: it may have grown since the last look.
    """
    if isinstance(content, Gzip) and not content.whole:
        return False
    size = content.size()
    if tail.content is None:
        return 0 < size == tail.size == tail.scanned and identity.agrees(tail.known, reader(content), size)
    return holds(tail.content, content)


def is_doubtful(trail: Trail, place: Place, content: Content, current: Content, now: float) -> bool:
    """Whether a sibling looks like a copy of what is at the path now, made to truncate that; or of what was there a
    moment ago, renamed and compressed since it was opened."""
    if not holds(current, content):
        return False
    return not is_short(place, content) or now - trail.doubtful.setdefault(place.sibling_key, now) < DOUBT


def is_short(place: Place, content: Content) -> bool:
    """Whether a file is too short to say that what begins with it is the same file."""
    return place.size <= SHORT and not isinstance(content, Gzip)


def holds(whole: Content, part: Content) -> bool:
    """Whether `part` is the beginning of `whole`."""
    size, read, own = part.size(), reader(part), reader(whole)
    begin = max(0, size - WINDOW)
    first, last = own(0, min(WINDOW, size)), own(begin, size - begin)
    return 0 < size == begin + len(last) and read(0, len(first)) == first and read(begin, len(last)) == last
