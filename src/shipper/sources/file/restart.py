"""The first look of a process: what the journal knows is matched with what is there.

Rule 1: unfinished generations are found again wherever they went, and finished before anything newer of their path.
Rule 2: what rotated while the agent was down is read, oldest first, under the path's own name.
Rule 3: a generation that is not found is kept, not given up: a mount may come back. Only one that had lost its name
        or its content before, so that nothing but the process that is gone could have read it, is lost.
Rule 4: a source that takes the place of another in the same process reads on in the files which that one had open, also
        where no name leads to them any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from shipper.sources.file import between, rotation
from shipper.sources.file import fingerprint as identity
from shipper.sources.file.content import Content, Gzip, reader
from shipper.sources.file.discovery import Found
from shipper.sources.file.neighbours import place_at
from shipper.sources.file.paths import label
from shipper.sources.file.recall import Evidence, Place, claim
from shipper.sources.file.roster import Roster
from shipper.sources.file.tail import Tail
from shipper.sources.file.trail import COARSE, Trail
from shipper.sources.step import Generation, inherit


def bring_home(
    roster: Roster, known: Sequence[Generation], found: Sequence[Found], kept: dict[int, Content], now: float
) -> None:
    """Make the trails of what the journal knows; `kept`: open files by generation, taken or closed here."""
    search = _Search(roster, found)
    claimed = claim(known, search.candidates, search.agrees)
    newest: dict[str, Tail | None] = {}
    of_path: defaultdict[str, list[Generation]] = defaultdict(list)
    sought: list[tuple[Trail, Tail, int]] = []
    for generation in sorted(known, key=lambda generation: generation.id):
        trail = roster.trail(generation.path)
        place = claimed.get(generation.id)
        tail = None
        if place is not None or not generation.finished:
            compressed = place is not None and (generation.id, place.key) in search.compressed
            tail = _settle(roster, trail, generation, place, compressed=compressed, now=now)
            _read_on(roster, tail, kept.pop(generation.id, None))
        if tail is not None and tail.absent and not tail.scanned:
            sought.append((trail, tail, trail.left))
        trail.left = max(trail.left, _changed(roster, generation, tail))
        newest[generation.path] = tail
        of_path[generation.path].append(generation)
    for path, generations in of_path.items():
        inherit(roster.trails[path].lane, generations)
    for content in kept.values():
        content.close()
    for trail, tail, since in sought:
        trail.ignore(())
        rotation.take_next(roster, trail, tail, since, now)
    for trail in roster.trails.values():
        for tail in trail.tails:
            if tail.absent and tail.deleted:
                rotation.conclude(roster, tail)
    for path, newest_tail in newest.items():
        roster.trails[path].sort()
        _find_rotated(roster, roster.trails[path], newest_tail, now)


class _Search:
    """The files that known generations may be, and a look into them."""

    def __init__(self, roster: Roster, found: Sequence[Found]) -> None:
        self.compressed: set[tuple[int, tuple[int, int]]] = set()
        self._roster = roster
        self._by_inode: defaultdict[int, list[Place]] = defaultdict(list)
        self._by_path: dict[str, Place] = {}
        for hit in found:
            place = hit.place
            self._by_inode[hit.info.st_ino].append(place)
            self._by_path[hit.path] = place

    def candidates(self, generation: Generation) -> Iterator[Place]:
        """Files with the inode, at the paths, and with the rotated names of a generation."""
        yield from self._by_inode.get(generation.inode, ())
        for path in dict.fromkeys((generation.path, generation.seen_at)):
            if path in self._by_path:
                yield self._by_path[path]
            elif path != generation.path:
                # A symbolic link led there, and may lead elsewhere by now.
                yield from place_at(path)
        yield from self._roster.neighbours.of(generation.path)

    def agrees(self, generation: Generation, place: Place, proof: Evidence) -> bool:
        """Whether a file holds what a generation is known to have held."""
        content = self._roster.handles.open_place(place)
        if content is None:
            return False
        try:
            if isinstance(content, Gzip):
                self.compressed.add((generation.id, place.key))
            elif place.size < proof.end:
                return False
            return identity.agrees(proof.fingerprint, reader(content), proof.end)
        finally:
            content.close()


def _settle(
    roster: Roster, trail: Trail, generation: Generation, place: Place | None, *, compressed: bool, now: float
) -> Tail:
    """The tail of a known generation: at its path, at a rotated name, or not found."""
    key = place.key if place is not None else (generation.device, generation.inode)
    size = place.size if place is not None else generation.size
    tail = Tail(
        reading=roster.reading,
        origin=roster.origin(generation.id, trail),
        lane=trail.lane,
        seen_at=place.path if place is not None else generation.seen_at,
        target=place.target if place is not None else generation.seen_at,
        key=key,
        size=generation.offset + 1 if compressed and not generation.finished else size,
        disk=size,
        changed=place.changed if place is not None else generation.changed or generation.carry.issued,
        rotated_at=now,
        grown_at=now,
        finished=generation.finished,
        absent=place is None,
        deleted=place is None and generation.gone,
    )
    tail.resume(generation)
    if place is not None:
        roster.owners[key] = tail
        if (place.target, *place.key) != (generation.seen_at, generation.device, generation.inode):
            roster.out.notes.append(tail.note())
    if place is not None and place.path == trail.path:
        trail.promote(tail)
    elif tail.finished:
        trail.past.append(tail)
    else:
        trail.insert(tail, None)
    if place is not None and not tail.finished and not compressed:
        begun = generation.open[-1].end if generation.open else generation.offset
        rotation.count_lost(roster, tail, generation.size - max(place.size, begun))
    if place is not None and tail.finished and place.size > generation.offset and not compressed:
        roster.go_on(tail, place, now)
    roster.woken.add(trail)
    return tail


def _read_on(roster: Roster, tail: Tail, kept: Content | None) -> None:
    """Open a generation that is not finished: what is `kept` of it, or else the file where it was found."""
    if kept is not None and not tail.finished and _is_still(tail, kept):
        tail.attach(kept)
        tail.absent, tail.deleted = False, kept.stat().st_nlink == 0
        roster.owners[tail.key] = tail
        roster.out.notes.append(tail.note())
        return
    if kept is not None:
        kept.close()
    if not (tail.absent or tail.finished) and (tail.unread or not tail.scanned) and roster.handles.spare():
        roster.ensure_open(tail)


def _is_still(tail: Tail, content: Content) -> bool:
    """Whether a file is where its generation was found, or where it was seen last, with the content it had."""
    try:
        info = content.stat()
        return (info.st_dev, info.st_ino) == tail.key and tail.accepts(content)
    except OSError:
        return False


def _changed(roster: Roster, generation: Generation, tail: Tail | None) -> int:
    """What came after a generation was changed later than this, ns: when it was, or its last timestamp."""
    if tail is not None and not tail.absent and tail.rotated_at is not None:
        return tail.changed
    if generation.changed:
        return generation.changed
    return max(0, min(generation.carry.issued, roster.reading.clock.now()) - COARSE)


def _find_rotated(roster: Roster, trail: Trail, newest: Tail | None, now: float) -> None:
    """Begin what was written and rotated while the agent was down, after the newest generation that is known."""
    if trail.live is None and (newest is not None or trail.left):
        trail.ignore(())
        between.find_beside_path(roster, trail, newest, now)
    free = [place for place in roster.neighbours.of(trail.path) if place.key not in roster.owners]
    trail.ignore(place for place in free if not trail.left or place.changed < trail.left)
    if trail.live is not None and trail.left and len(free) > len(trail.ignored) and roster.ensure_open(trail.live):
        between.find(roster, trail, None, now, current=trail.live.content)
    if newest is not None and newest.absent and newest.unread:
        detail = f"{newest.unread} bytes were unread"
        roster.failures.begin("generation_lost", detail, source=roster.name, what=label(trail.path))
