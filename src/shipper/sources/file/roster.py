"""Which file is which generation, while the agent runs.

Rule 1: an open descriptor, then content, decide; a name only says where to look.
Rule 2: a file is owned by one generation, a copy or a second name of it included: it is read once.
Rule 3: what a sweep finds is matched with what is known first; only what nobody owns is new.

What happens when a path names something else is `rotation`, what the journal knew at start is `restart`, and what a
file is that nobody owns `arrivals`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from shipper.chunk import Fingerprint, Lane, Origin
from shipper.failures import Failures
from shipper.sources.file import arrivals, between, rotation
from shipper.sources.file.content import Content
from shipper.sources.file.discovery import Found
from shipper.sources.file.handles import Handles
from shipper.sources.file.neighbours import Neighbours
from shipper.sources.file.paths import label
from shipper.sources.file.recall import Place
from shipper.sources.file.tail import Reading, Tail
from shipper.sources.file.trail import Trail
from shipper.sources.step import Step


class Roster:
    """The paths of one source, and who owns which file."""

    def __init__(
        self,
        name: str,
        reading: Reading,
        *,
        failures: Failures,
        new_generation: Callable[[], int],
        rotate_wait: float,
        group_of: Callable[[str], tuple[str, ...] | None],
    ) -> None:
        self.name = name
        self.reading = reading
        self.failures = failures
        self.rotate_wait = rotate_wait
        self.trails: dict[str, Trail] = {}
        self.owners: dict[tuple[int, int], Tail] = {}
        self.out = Step()
        """Where the news of the current step go."""
        self.woken: set[Trail] = set()
        """Paths with news since the source asked last."""
        self.visible: set[str] = set()
        """Paths of the last sweep."""
        self.since = 0
        """Clock of the sweep before this one, ns; 0: this is the first."""
        self.start_at_end = False
        """Whether files that are new now begin at their end."""
        self.neighbours = Neighbours()
        self.handles = Handles(name, failures, relieve=self.close_idle)
        self._new_generation = new_generation
        self._group_of = group_of
        self.unfinished: dict[tuple[int, int], float] = {}
        """Compressed files that are still written to, and when they were seen first."""

    # ── looking ──

    def reconcile(self, found: Sequence[Found], looked: Iterable[Trail], now: float) -> None:
        """Match what was found with what is known; `looked`: paths that would have been found if they were there."""
        met: set[Trail] = set()
        fresh: list[Place] = []
        elsewhere: list[tuple[Tail, Place]] = []
        unclear: set[str] = set()
        for hit in found:
            trail = self.trails.get(hit.path)
            if trail is not None and self._is_as_seen(trail, hit.info):
                met.add(trail)
                continue
            place = hit.place
            unclear.add(place.path)
            with self.handles.guard(place.path):
                tail = self.owner(place, now)
                if tail is None:
                    fresh.append(place)
                elif tail.lane.path == place.path:
                    met.add(self._meet(tail, place, now))
                else:
                    elsewhere.append((tail, place))
                unclear.discard(place.path)
        for tail, place in elsewhere:
            if self.trails[tail.lane.path] not in met:
                with self.handles.guard(place.path):
                    self._meet_elsewhere(tail, place, now)
        for trail in looked:
            if trail.live is not None and trail not in met and trail.path not in unclear:
                rotation.leave(self, trail, now)
        for place in sorted(fresh, key=lambda place: place.changed):
            with self.handles.guard(place.path):
                if self.owner(place, now) is None:
                    arrivals.welcome(self, place, now)

    def is_at_rest(self, trail: Trail) -> bool:
        """Whether a path leads straight to the file that it led to at the last look, as that was then.

        It says at a fifth of its price what `reconcile` would find.
        """
        try:
            return self._is_as_seen(trail, os.lstat(trail.path))
        except OSError:
            return False

    def _is_as_seen(self, trail: Trail, info: os.stat_result) -> bool:
        live = trail.live
        if live is None or live.linked or live.seen_at != trail.path or self.owners.get(live.key) is not live:
            return False
        return (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns) == (*live.key, live.disk, live.changed)

    def owner(self, place: Place, now: float) -> Tail | None:
        """The generation that a file is, if it is a known one; a freed and reused inode is not."""
        tail = self.owners.get(place.key)
        if tail is None or tail.content is not None or (tail.disk == place.size and tail.changed == place.changed):
            return tail
        if tail.key != place.key:
            return self._recheck_copy(tail, place)
        content = self.handles.open_place(place)
        if content is None:
            return tail
        if tail.accepts(content) and (tail.finished or not rotation.was_emptied(self, tail, content, now)):
            self._recognise(tail, content, place, now)
            return tail
        content.close()
        trail = self.trails[tail.lane.path]
        if trail.live is tail and place.path == tail.seen_at and not tail.finished:
            rotation.truncated(self, trail, tail, now)
            return self.owners.get(place.key)
        del self.owners[place.key]
        tail.absent = not (tail.finished or tail.drained)
        return None

    def is_free(self, trail: Trail, place: Place, now: float) -> bool:
        """Whether nobody owns a sibling, and it was not there before the path was first seen."""
        return not trail.ignores(place) and self.owner(place, now) is None

    def refresh(self, trail: Trail, tail: Tail, now: float) -> None:
        """Take size and links from the open descriptor."""
        with self.handles.guard(tail.seen_at):
            self._refresh(trail, tail, now)

    def _refresh(self, trail: Trail, tail: Tail, now: float) -> None:
        if tail.content is None:
            return
        info = tail.content.stat()
        deleted = tail.rotated_at is not None and info.st_nlink == 0
        if deleted != tail.deleted:
            tail.deleted = deleted
            self.out.notes.append(tail.note())
        if (info.st_size, info.st_mtime_ns) == (tail.disk, tail.changed):
            return
        if not tail.accepts(tail.content) or rotation.was_emptied(self, tail, tail.content, now):
            rotation.truncated(self, trail, tail, now)
        else:
            grew, was_empty = info.st_size != tail.disk, not tail.disk
            tail.observe(info)
            self.wake(tail, now, grew=grew)
            if (was_empty or not grew) and trail.live is tail:
                # An empty file has no content to be known by: it may have been written to, copied and truncated.
                self.neighbours.forget()
                older = {place.sibling_key for place in self.neighbours.of(trail.path) if place.changed <= tail.changed}
                between.find(self, trail, None, now, only=older, current=tail.content)

    def wake(self, tail: Tail, now: float, *, grew: bool) -> None:
        """There is news of a generation."""
        if grew:
            tail.grown_at = now
        trail = self.trails[tail.lane.path]
        if tail not in trail.tails:
            trail.past = [other for other in trail.past if other is not tail]
            trail.insert(tail, None)
        self.woken.add(trail)

    def _recheck_copy(self, tail: Tail, place: Place) -> Tail | None:
        """The generation a file was a copy of, if it still is."""
        content = self.handles.open_place(place)
        if content is None:
            return tail
        still = tail.accepts(content)
        content.close()
        if not still:
            del self.owners[place.key]
        return tail if still else None

    def _recognise(self, tail: Tail, content: Content, place: Place, now: float) -> None:
        """A closed file was touched and is what it was."""
        if tail.finished:
            content.close()
            if place.size > tail.disk:
                self.go_on(tail, place, now)
            return
        self.attach(tail, content, place)
        self.wake(tail, now, grew=True)

    def _meet(self, tail: Tail, place: Place, now: float) -> Trail:
        """A generation is at its own path; not any more, if others were found since that came after it."""
        trail = self.trails[place.path]
        if trail.live is not tail:
            if tail in trail.tails and not _names(place):
                return trail
            if trail.live is not None:
                rotation.leave(self, trail, now)
            trail.past = [other for other in trail.past if other is not tail]
            trail.promote(tail)
            self.woken.add(trail)
        self._place(tail, place)
        if (tail.disk, tail.changed) != (place.size, place.changed):
            self.refresh(trail, tail, now)
        return trail

    def _meet_elsewhere(self, tail: Tail, place: Place, now: float) -> None:
        """A generation is at a path that is not its own: it was renamed, copied, or has a second name."""
        trail = self.trails[tail.lane.path]
        if (trail.live is tail and os.path.lexists(trail.path)) or tail.key != place.key:
            return
        self._place(tail, place)
        if (tail.disk, tail.changed) != (place.size, place.changed):
            self.refresh(trail, tail, now)

    def _place(self, tail: Tail, place: Place) -> None:
        """Take note of where a generation is."""
        if (tail.seen_at, tail.target) != (place.path, place.target):
            tail.seen_at, tail.target = place.path, place.target
            self.out.notes.append(tail.note())

    # ── generations ──

    def trail(self, path: str) -> Trail:
        """The trail of a path; rotated files that were there before the agent, or the last sweep, are none of ours."""
        known = self.trails.get(path)
        if known is not None:
            return known
        trail = Trail(path=path, lane=Lane(self.name, path), group=self._group_of(path), left=self.since)
        trail.ignore(
            place
            for place in self.neighbours.of(path)
            if place.key not in self.owners and (not self.since or place.changed < self.since)
        )
        self.trails[path] = trail
        return trail

    def origin(self, generation: int, trail: Trail) -> Origin:
        """The name of a generation."""
        return Origin(source=self.name, generation=generation, path=label(trail.path))

    def begin(
        self,
        trail: Trail,
        place: Place,
        now: float,
        *,
        content: Content | None = None,
        after: Tail | None = None,
        start: int = 0,
        known: Fingerprint | None = None,
    ) -> Tail:
        """A new generation of a path, as one that is rotated already; `trail.promote` makes it live."""
        tail = Tail(
            reading=self.reading,
            origin=self.origin(self._new_generation(), trail),
            lane=trail.lane,
            seen_at=place.path,
            target=place.target,
            key=place.key,
            size=place.size,
            disk=place.size,
            changed=place.changed,
            rotated_at=now,
            grown_at=now,
            offset=start,
            scanned=start,
            known=known or Fingerprint(),
        )
        trail.insert(tail, after)
        self.owners[place.key] = tail
        if content is not None:
            self.attach(tail, content, place)
        self.out.notes.append(tail.note(start=start))
        self.woken.add(trail)
        return tail

    def attach(self, tail: Tail, content: Content, place: Place) -> None:
        """Read a generation from `content`, which has been accepted."""
        if self.owners.get(tail.key) is tail:
            del self.owners[tail.key]
        tail.attach(content)
        tail.seen_at, tail.target, tail.absent = place.path, place.target, False
        self.owners[tail.key] = tail

    def ensure_open(self, tail: Tail) -> bool:
        """Open a generation's file where it was seen last, if it is still there."""
        if tail.content is not None:
            return True
        content = self.handles.open(tail.seen_at, tail.target)
        if content is None:
            return False
        info = content.stat()
        if (info.st_dev, info.st_ino) != tail.key or not tail.accepts(content):
            content.close()
            return False
        return tail.attach_again(content)

    def close_idle(self) -> None:
        """Give back the descriptors of files that are read and in place."""
        for trail in self.trails.values():
            if trail.live is not None and trail.live.content is not None and trail.live.drained:
                trail.live.close()

    def go_on(self, tail: Tail, place: Place, now: float) -> None:
        """A finished file has grown: what is new becomes a generation of its own."""
        trail = self.trails[tail.lane.path]
        new = self.begin(trail, place, now, start=tail.scanned, known=tail.known)
        if trail.live is tail or (trail.live is None and place.path == trail.path):
            trail.tails = [other for other in trail.tails if other is not tail]
            trail.promote(new)


def _names(place: Place) -> bool:
    """Whether the path still leads to the file that was found there."""
    try:
        info = os.stat(place.target)  # noqa: PTH116 - as above
    except OSError:
        return False
    return (info.st_dev, info.st_ino) == place.key
