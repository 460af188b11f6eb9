"""Files that grow, as a source: which are looked at when, and which is read next.

Rule 1: one step looks at what is due, reads about `budget` bytes, and returns; it never sleeps.
Rule 2: files active in the last minute are looked at every second, or as seldom as keeps that at a hundredth of a core
        (from some three thousand files on); the rest in a sweep every 10 s, and any file when somebody touches it. A
        file at rest costs one `stat` a look.
Rule 3: ready files take turns, a chunk each, the oldest backlog first (`turns`).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

from shipper.clock import Clock
from shipper.config import model
from shipper.failures import Failures
from shipper.sources.file import between, restart, rotation
from shipper.sources.file.content import Content, GzipBroken
from shipper.sources.file.discovery import Discovery, Found, Problem
from shipper.sources.file.held import Held, HeldDeleted
from shipper.sources.file.paths import group_by_path, label
from shipper.sources.file.roster import Roster
from shipper.sources.file.status import FileStatus, status_of, unit_of
from shipper.sources.file.tail import ContentChanged, Reading, SpanGone, Tail
from shipper.sources.file.trail import COARSE, LINGER, Trail, is_final
from shipper.sources.file.turns import Turns
from shipper.sources.file.watch import Watch
from shipper.sources.framing import framing_of
from shipper.sources.step import Extent, Generation, Grouper, Step, Unit

TICK = 1.0
SWEEP = 10.0
LOOKING = 0.01
"""The share of a core that looks between sweeps may take, news aside: they are worth their time."""
NOTES_PER_SECOND = 1000
"""How many files' sizes the journal is told at most, on average: what it does not know of a file cannot be counted if
that is lost together with this process."""
RETRY = 1.0


class FileSource:
    """The files of one `[[source]]`; satisfies `shipper.sources.step.Source`."""

    def __init__(
        self,
        resolved: model.ResolvedSource,
        config: model.FileSource,
        known: Sequence[Generation],
        *,
        clock: Clock,
        failures: Failures,
        new_generation: Callable[[], int],
        grouper: Grouper | None = None,
        first_start: bool,
        epochs: Mapping[str, model.ResolvedSource] | None = None,
        held: HeldDeleted | None = None,
        before: FileSource | None = None,
        wall: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        self.name = resolved.name
        self.unit = "file"
        self._wall = wall
        self._cpu = cpu
        self._failures = failures
        self._clock = clock
        self._clocked = clock.now() - COARSE
        self._known = tuple(known)
        self._kept = before.give_away() if before is not None else {}
        """Open files of the source that this one takes the place of, by generation, until the first sweep."""
        self._at_end = first_start and config.start_at == "end"
        self._discovery = Discovery(config.paths, config.exclude, config.link_roots)
        self._rotate_wait = config.rotate_wait / 1e9
        reading = Reading(
            framing=framing_of(resolved),
            clock=clock,
            grouper=grouper,
            epochs={epoch: framing_of(earlier) for epoch, earlier in (epochs or {}).items()},
        )
        self._roster = Roster(
            self.name,
            reading,
            failures=failures,
            new_generation=new_generation,
            rotate_wait=self._rotate_wait,
            group_of=group_by_path(resolved),
        )
        self._held = held or HeldDeleted()
        self._touched: deque[str] = deque()
        self._turns = Turns()
        self._active: dict[Trail, float] = {}
        self._problems: set[Problem] = set()
        self._sweep_at = self._tick_at = float("-inf")
        self._tick = TICK
        """Seconds between two looks at what is active."""
        self._swept_at = self._note_at = float("-inf")
        self._begun = False

    # ── the protocol ──

    def step(self, budget: int) -> Step:
        """Look at what is due and read up to about `budget` bytes; with 0 only look."""
        now = self._wall()
        out = self._roster.out = Step()
        due, news = self._look(now), self._take_news(now)
        self._enlist(self._active if due else news, now)
        if budget > 0:
            self._read(now, budget)
            self._enlist(self._take_news(now), now)
        out.more = bool(self._turns)
        out.look_in = max(0.0, min(self._sweep_at, self._tick_at if self._active else self._sweep_at) - now)
        return out

    def touch(self, path: str) -> None:
        """Somebody saw a change at `path`; safe to call from any thread."""
        self._touched.append(path)

    def caught_up(self) -> bool:
        """Whether everything seen has been read, unterminated last lines and failing files aside."""
        if not self._begun or self._turns:
            return False
        now = self._wall()
        return all(trail.retry_at > now or self._is_done(trail, now) for trail in self._active)

    def close(self) -> None:
        """Give back every descriptor."""
        for content in self._kept.values():
            content.close()
        for tail in self._tails():
            tail.close()

    def give_away(self) -> dict[int, Content]:
        """Its open files by generation, for a source that takes its place; this one makes no step any more."""
        kept, self._kept = self._kept, {}
        opened = {tail.origin.generation: tail.detach() for tail in self._tails() if not tail.finished}
        return kept | {generation: content for generation, content in opened.items() if content is not None}

    async def attend(self, wake: asyncio.Event, thread: Executor) -> None:
        """Watch the directories; `wake` is set when something changed."""
        await Watch(self, wake, self._failures, thread).run()

    # ── for people ──

    def extent(self) -> Extent:
        """How many files there are, and how far they were read."""
        tails = self._tails()  # thousands: once through for each sum, and nothing made on the way
        return Extent(
            things=len(tails),
            size=sum([tail.size for tail in tails]),
            offset=sum([tail.offset for tail in tails]),
            open=sum([tail.content is not None for tail in tails]) + len(self._kept),
            deleted_bytes_held=self.deleted_bytes_held(),
            deleted_unread=self.deleted_unread(),
            latest=max([tail.changed for tail in tails], default=0),
        )

    def units(self) -> list[Unit]:
        """Every generation that is known now."""
        return [unit_of(tail) for tail in self._tails()]

    def pending_rest(self) -> list[tuple[str, int, int]]:
        """Unterminated last lines: path, offset, bytes."""
        return [
            (label(tail.seen_at), tail.offset, tail.rest)
            for trail in list(self._roster.trails.values())
            for tail in list(trail.tails)
            if tail.rest
        ]

    def watch_plan(self) -> dict[Path, bool]:
        """Directories to be watched, and whether with their subdirectories."""
        return self._discovery.watch_plan()

    def watch_roots(self) -> set[Path]:
        """Directories to be watched: the fixed ones of the globs, or their nearest parents that exist."""
        return set(self.watch_plan())

    def files(self) -> list[FileStatus]:
        """Every generation that is known now."""
        return [status_of(tail) for tail in self._tails()]

    def deleted_bytes_held(self) -> int:
        """Bytes that deleted files take on disk because they are kept open."""
        return sum(tail.disk for tail in self._tails() if tail.held_deleted)

    def deleted_unread(self) -> int:
        """Bytes of deleted files that are not in spans yet: nobody can read them once this process has ended."""
        return sum(tail.size - tail.offset for tail in self._tails() if tail.held_deleted)

    # ── looking ──

    def _look(self, now: float) -> bool:
        """Look at what is due; whether all active paths were."""
        touched = self._take_touched()
        if self._needs_sweep(touched):
            self._sweep_at = min(self._sweep_at, self._swept_at + TICK)
        if now >= self._sweep_at:
            self._sweep(now)
        elif now >= self._tick_at:
            self._look_at_active(touched, now)
        else:
            self._glance(touched, now)
            return False
        self._tick_at = now + self._tick
        return True

    def _look_at_active(self, touched: set[str], now: float) -> None:
        """Look at all active paths; what finding out takes that nothing happened decides how often."""
        begun = self._cpu()
        news = [trail.path for trail in self._active if not self._roster.is_at_rest(trail)]
        self._tick = min(max(TICK, (self._cpu() - begun) / LOOKING), SWEEP)
        self._glance(touched.union(news), now)
        self._tend(now)

    def _take_touched(self) -> set[str]:
        touched = set()
        while self._touched:
            touched.add(self._touched.popleft())
        return touched

    def _needs_sweep(self, touched: set[str]) -> bool:
        return any(path not in self._roster.trails and Path(path).is_dir() for path in touched)

    def _sweep(self, now: float) -> None:
        self._swept_at, self._sweep_at = now, now + SWEEP
        self._roster.neighbours.forget()
        found = self._discovery.sweep()
        self._roster.visible = {hit.path for hit in found}
        if not self._begun:
            wanted = {one.id for one in self._known if self._discovery.means(one.path)}
            for generation in self._kept.keys() - wanted:
                self._kept.pop(generation).close()
            restart.bring_home(self._roster, self._known, found, self._kept, now)
            self._kept = {}
            self._roster.start_at_end = self._at_end
        hidden = self._report(self._discovery.problems)
        trails = self._roster.trails
        self._roster.reconcile(found, [trail for trail in trails.values() if not _is_below(trail.path, hidden)], now)
        self._roster.start_at_end = False
        between.look_beside(self._roster, now)
        self._begun, self._known = True, ()
        self._roster.since, self._clocked = self._clocked, self._clock.now() - COARSE
        self._tend(now)

    def _glance(self, paths: set[str], now: float) -> None:
        """Look at single paths."""
        found: list[Found] = []
        looked: list[Trail] = []
        self._roster.neighbours.forget()
        for path in paths:
            trail = self._roster.trails.get(path)
            hit = self._discovery.inspect(path, linked=trail is None or trail.live is None or trail.live.linked)
            if hit is not None:
                found.append(hit)
            if trail is not None and (hit is not None or not _is_below(path, {p.path for p in self._problems})):
                looked.append(trail)
        self._roster.reconcile(found, looked, now)

    def _report(self, problems: Sequence[Problem]) -> set[str]:
        """Begin and end failures; return the paths that could not be looked at."""
        current = set(problems)
        for problem in current - self._problems:
            self._failures.begin(problem.name, problem.detail, source=self.name, what=label(problem.path))
        for problem in self._problems - current:
            self._failures.end(problem.name, source=self.name, what=label(problem.path))
        self._problems = current
        return {problem.path for problem in problems if problem.name in ("directory_unreadable", "file_unreadable")}

    def _tend(self, now: float) -> None:
        """Let time do its work on active paths, and let the journal know of what is unread."""
        for trail in tuple(self._active):
            rotation.tend(self._roster, trail, now)
        self._keep_under_cap()
        for trail in tuple(self._active):
            if now >= self._active[trail] and not trail.settles and not any(tail.content for tail in trail.tails):
                del self._active[trail]
        if now >= self._note_at:
            tails = (tail for trail in self._active for tail in trail.tails)
            grown = [tail.note() for tail in tails if tail.offset < tail.size != tail.noted_size]
            self._roster.out.notes += grown
            self._note_at = now + len(grown) / NOTES_PER_SECOND

    def _keep_under_cap(self) -> None:
        """Give up the deleted files that are one too many, this source's of all."""
        held = {tail.origin.generation: tail for trail in self._active for tail in trail.tails if tail.held_deleted}
        files = [Held(tail.changed, generation, tail.disk) for generation, tail in held.items()]
        for generation in sorted(self._held.report(self.name, files)):
            rotation.relinquish(self._roster, held[generation])
        if not held:
            self._failures.end("held_deleted_full", source=self.name)

    # ── reading ──

    def _take_news(self, now: float) -> list[Trail]:
        """The paths that there is news of: they are active from now on."""
        news = list(self._roster.woken)
        self._roster.woken.clear()
        self._active.update(dict.fromkeys(news, now + LINGER))
        return news

    def _enlist(self, trails: Iterable[Trail], now: float) -> None:
        """Queue those of the paths that have something to read.

        Between two ticks they are those with news: asking a thousand active ones at each step took as long as reading.
        """
        ready = [trail for trail in trails if not trail.queued and self._is_ready(trail, now)]
        for trail in sorted(ready, key=lambda trail: trail.oldest_change):
            self._turns.add(trail)

    def _is_ready(self, trail: Trail, now: float) -> bool:
        return now >= trail.retry_at and trail.current(now, self._rotate_wait) is not None

    def _is_done(self, trail: Trail, now: float) -> bool:
        tails = [tail for tail in trail.tails if not (tail.finished or tail.absent)]
        waits = any(tail.held or (tail.rotated_at is not None and tail.rest) for tail in tails)
        return not waits and not self._is_ready(trail, now)

    def _read(self, now: float, budget: int) -> None:
        used = 0
        while self._turns and used < budget:
            trail = self._turns.take()
            tail = trail.current(now, self._rotate_wait)
            if tail is not None:
                used += 1 + self._read_one(trail, tail, now, budget)
            if self._is_ready(trail, now):
                self._turns.add(trail)

    def _read_one(self, trail: Trail, tail: Tail, now: float, budget: int) -> int:
        """One chunk of a generation, or a part of a line; returns the bytes read."""
        try:
            return self._chunk(trail, tail, now, budget)
        except ContentChanged:
            rotation.truncated(self._roster, trail, tail, now)
        except SpanGone as gone:
            self._roster.out.abandoned.append(gone.span)
            detail = f"bytes {gone.span.start} to {gone.span.end} of {label(trail.path)} have changed"
            self._failures.once("replay_missing", detail, source=self.name, what=label(trail.path))
        except GzipBroken as broken:
            self._roster.handles.report("gzip_broken", tail.seen_at, broken.message)
        except OSError as error:
            self._roster.handles.failed(tail.seen_at, error)
            trail.retry_at = now + RETRY
        return 0

    def _chunk(self, trail: Trail, tail: Tail, now: float, budget: int) -> int:
        if not (tail.replays or tail.unread):
            final = is_final(tail, now, self._rotate_wait)
            chunk, read = (tail.flush() if final else tail.take_due()), 0
        elif self._roster.ensure_open(tail):
            chunk, read = tail.read(now, budget)
        else:
            trail.retry_at = now + RETRY
            rotation.seek_again(self._roster, trail, tail, now)
            return 0
        self._roster.handles.healed(tail.seen_at)
        if chunk is not None:
            self._roster.out.chunks.append(chunk)
        return read

    def _tails(self) -> list[Tail]:
        # Lists: this is asked for beside the source's own thread, too.
        return [tail for trail in list(self._roster.trails.values()) for tail in [*trail.tails, *trail.past]]


def _is_below(path: str, directories: set[str]) -> bool:
    return any(path == directory or path.startswith(directory.rstrip("/") + "/") for directory in directories)
