"""Positions and open spans on disk: one SQLite file, written ahead of every push.

Rule 1: `begin` is on the disk (synchronous=FULL) before it returns; `commit` may be lost by a machine crash, which only
        makes a span be asked about again.
Rule 2: a position advances over contiguous settled spans alone; a span settled out of turn is marked and waits.
Rule 3: one agent per data_dir, by an flock that dies with its process.
Rule 4: a transaction that fails changes nothing, here or in memory; the caller tries again.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self, TypeVar

import msgspec

from shipper.advances import Advance, advanced, write_advances
from shipper.chunk import Span
from shipper.daemon import Daemon
from shipper.delivery.settled import DeadLetter, Settled
from shipper.errors import DeadLettersFull, JournalError
from shipper.noted import Noted, Waiting
from shipper.positions import KeptLetter, Losses, read_generations, read_letters, read_losses
from shipper.sources.step import Generation, Note
from shipper.storage import LETTER_OVERHEAD, Lock, Transaction, connect, kept_path

T = TypeVar("T")

_KEPT_FINISHED = 1000
"""Finished generations kept per source, so that a rotated file is known again; older ones go with their files."""


class Journal:
    """The journal of a running agent. `await begin/commit` run in its one thread; `note` only remembers."""

    def __init__(self, data_dir: Path, *, max_bytes: int = 1 << 30, when_full: str = "hold") -> None:
        self._lock = Lock(data_dir)
        self._lock.acquire()
        self._thread = Daemon("journal")
        self.limit_letters(max_bytes, when_full)
        self._noted = Noted()
        self._open: dict[int, dict[int, bool]] = {}
        """Open spans by generation, in order: whether each is settled already, out of turn."""
        self.dropped_letters = 0
        try:
            self._database, self.set_aside = connect(data_dir)
            self._load()
        except BaseException:
            self._lock.release()
            raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - what is late is left, not cancelled
        """Write what was noted and close the file; False if that takes more than `timeout` seconds.

        What hangs then, hangs until the process ends, which keeps the lock as long.
        """
        closing = asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()
        await asyncio.wait([closing], timeout=timeout)
        if not closing.done():
            return False
        closing.result()
        self._lock.release()
        return True

    # what is known ---------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        database = self._database
        self._next_generation = _top(database, "generations") + 1
        self._next_row = _top(database, "spans") + 1
        self._known_sources = {name for (name,) in database.execute("SELECT name FROM sources")}
        self._letters, self._letter_bytes = _letters_kept(database)
        for generation, row, settled in database.execute("SELECT generation, id, settled FROM spans ORDER BY start"):
            self._open.setdefault(generation, {})[row] = bool(settled)

    def known(self, source: str) -> list[Generation]:
        """Every generation of `source`, oldest first, each with its open spans."""
        return read_generations(self._database, source)

    def losses(self, source: str) -> Losses:
        """What `source` has lost since its first start."""
        return read_losses(self._database).get(source, Losses())

    def first_start(self, source: str) -> bool:
        """Whether `source` has never run on this data_dir."""
        return source not in self._known_sources

    def demoted(self, source: str) -> tuple[str, ...]:
        """Label names of `source` that were demoted to metadata in an earlier life."""
        row = self._database.execute("SELECT demoted FROM sources WHERE name = ?", (source,)).fetchone()
        return tuple(msgspec.json.decode(row[0], type=list[str])) if row else ()

    def epoch(self, name: str) -> bytes | None:
        """The resolved configuration of epoch `name`, as JSON; None if it is not kept."""
        row = self._database.execute("SELECT config FROM epochs WHERE hash = ?", (name,)).fetchone()
        return bytes(row[0]) if row else None

    def new_generation(self) -> int:
        """A number for a new generation, never used before on this data_dir."""
        self._next_generation += 1
        return self._next_generation - 1

    def limit_letters(self, max_bytes: int, when_full: str) -> None:
        """How much dead letters may take, and what then: hold, drop-oldest."""
        self._max_bytes, self._when_full = max_bytes, when_full

    # what changes ----------------------------------------------------------------------------------------------------

    def open_source(self, source: str, epoch: str, config: bytes) -> None:
        """Say that `source` runs under `epoch`; written with the next transaction."""
        self._noted.open_source(source, epoch, config)

    def note(self, notes: Iterable[Note]) -> None:
        """Remember what changed of generations; written with the next transaction."""
        self._noted.note(notes)

    async def demote(self, source: str, names: Sequence[str]) -> None:
        """Keep which labels of `source` are demoted."""
        await self._run(self._demote, source, tuple(names))

    async def begin(self, spans: Sequence[Span], settled: Sequence[Settled] = ()) -> None:
        """Write spans down durably and number them; spans that are replayed have their row already.

        In the same transaction `settled` are committed, which have no dead letters.
        """
        await self._run(self._begin, [span for span in spans if not span.row], settled)

    async def commit(self, settled: Sequence[Settled]) -> None:
        """Settle spans with their dead letters; advance positions over what is contiguous."""
        await self._run(self._commit, list(settled))

    async def abandon(self, spans: Sequence[Span]) -> None:
        """Close open spans whose bytes are gone, and count them; what fails is written with the next transaction."""
        self._noted.abandon(spans)
        await self.flush()

    async def flush(self) -> bool:
        """Write down what was noted; False if there was nothing, so that it says nothing about the disk."""
        noted = bool(self._noted)
        if noted:
            await self._run(self._commit, [])
        return noted

    async def call(self, work: Callable[[], T]) -> T:
        """Do what reads of the journal in its own thread, between two transactions."""
        return await self._run(work)

    def letters(self, *, before: int, limit: int, longest: int) -> list[KeptLetter]:
        """As `positions.read_letters`; for `call`."""
        return read_letters(self._database, before=before, limit=limit, longest=longest)

    @property
    def letters_kept(self) -> tuple[int, int]:
        """How many dead letters there are, and the bytes of `dead_letters.max_bytes` they take."""
        return self._letters, self._letter_bytes

    async def prune(self) -> bool:
        """Forget the oldest finished generations whose file is gone; True: the journal can be written."""
        await self._run(self._prune)
        return True

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    # the journal's thread --------------------------------------------------------------------------------------------

    def _begin(self, spans: list[Span], settled: Sequence[Settled]) -> None:
        rows = range(self._next_row, self._next_row + len(spans))
        written = replace(self._noted.waiting(), abandoned=())
        with Transaction(self._database, durable=True) as database:
            _write_noted(database, written)
            database.executemany(_INSERT_SPAN, [_span_row(row, span) for row, span in zip(rows, spans, strict=True)])
            advances = self._settle(database, settled)
            self._write_finished(database, {*(advance.generation for advance in advances), *written.notes})
        self._forget(written)
        self._pass(advances)
        self._next_row += len(spans)
        for row, span in zip(rows, spans, strict=True):
            span.row = row
            self._open.setdefault(span.origin.generation, {})[row] = False

    def _commit(self, settled: list[Settled]) -> None:
        letters = [letter for one in settled for letter in one.dead_letters]
        written = self._noted.waiting()
        settled += [Settled(span=span, carry=span.carry) for span in written.abandoned]
        with Transaction(self._database, durable=bool(letters)) as database:
            _write_noted(database, written)
            database.executemany(_COUNT_MISSING, [(span.size, span.origin.source) for span in written.abandoned])
            kept = self._write_letters(database, letters)
            advances = self._settle(database, settled)
            self._write_finished(database, {*(advance.generation for advance in advances), *written.notes})
        self._forget(written)
        self._letters, self._letter_bytes = kept
        self._pass(advances)

    def _settle(self, database: sqlite3.Connection, settled: Sequence[Settled]) -> list[Advance]:
        """Settle spans; return how far generations come with them once that is written."""
        by_generation: dict[int, dict[int, Settled]] = {}
        for one in settled:
            by_generation.setdefault(one.span.origin.generation, {})[one.span.row] = one
        advances = [
            advanced(generation, self._open.get(generation, {}), ones) for generation, ones in by_generation.items()
        ]
        if advances:
            write_advances(database, advances)
        return advances

    def _pass(self, advances: Iterable[Advance]) -> None:
        """It is written: go past the rows that are settled."""
        for advance in advances:
            rows = self._open.setdefault(advance.generation, {})
            for row in advance.passed:
                del rows[row]
            rows.update(dict.fromkeys(advance.waiting, True))
            if not rows:
                del self._open[advance.generation]

    def _forget(self, written: Waiting) -> None:
        self._noted.forget(written)
        self._known_sources |= written.sources

    def _write_finished(self, database: sqlite3.Connection, generations: Iterable[int]) -> None:
        database.executemany(
            "UPDATE generations SET finished = 1 WHERE id = ? AND final IS NOT NULL AND settled_to >= final",
            [(generation,) for generation in generations],
        )

    def _write_letters(self, database: sqlite3.Connection, letters: Sequence[DeadLetter]) -> tuple[int, int]:
        """Write dead letters; return how many there are then, and the bytes all take. Raises DeadLettersFull."""
        if not letters:
            return self._letters, self._letter_bytes
        count, total = self._letters, self._letter_bytes + sum(_letter_size(letter) for letter in letters)
        if total > self._max_bytes:
            if self._when_full == "hold":
                raise DeadLettersFull(
                    f"dead letters would take {total} bytes of the {self._max_bytes} they may",
                    hint="read and purge them (shipper dead-letters), or raise agent.dead_letters.max_bytes",
                )
            count, total = self._drop_oldest(database, count, total)
        return count + database.executemany(_INSERT_LETTER, [_letter_row(letter) for letter in letters]).rowcount, total

    def _drop_oldest(self, database: sqlite3.Connection, count: int, total: int) -> tuple[int, int]:
        oldest = database.execute("SELECT id, COALESCE(LENGTH(text), 0) FROM dead_letters ORDER BY id").fetchall()
        for identity, size in oldest:
            if total <= self._max_bytes:
                break
            database.execute("DELETE FROM dead_letters WHERE id = ?", (identity,))
            count, total = count - 1, total - size - LETTER_OVERHEAD
            self.dropped_letters += 1
        return count, total

    def _demote(self, source: str, names: tuple[str, ...]) -> None:
        with Transaction(self._database, durable=False) as database:
            database.execute("INSERT OR IGNORE INTO sources (name) VALUES (?)", (source,))
            database.execute("UPDATE sources SET demoted = ? WHERE name = ?", (msgspec.json.encode(names), source))

    def _close(self) -> None:
        # A full disk must not stop the end; what is not written now is found again at the next start.
        with contextlib.suppress(JournalError):
            self._commit([])
            self._prune()
            with Transaction(self._database, durable=False) as database:
                database.execute("DELETE FROM epochs WHERE hash NOT IN (SELECT epoch FROM spans)")
        self._database.close()

    def _prune(self) -> None:
        with Transaction(self._database, durable=False) as database:
            for (source,) in database.execute("SELECT name FROM sources").fetchall():
                old = database.execute(_OLD_FINISHED, (source, _KEPT_FINISHED)).fetchall()
                gone = [(identity,) for identity, seen_at in old if not Path(seen_at).exists()]
                database.executemany("DELETE FROM generations WHERE id = ?", gone)


def _top(database: sqlite3.Connection, table: str) -> int:
    """The greatest number ever given in `table`, kept by AUTOINCREMENT over deletions."""
    row = database.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    return int(row[0]) if row else 0


def _letters_kept(database: sqlite3.Connection) -> tuple[int, int]:
    count, size = database.execute("SELECT COUNT(*), COALESCE(SUM(LENGTH(text)), 0) FROM dead_letters").fetchone()
    return count, size + LETTER_OVERHEAD * count


def _letter_size(letter: DeadLetter) -> int:
    return len(letter.text or b"") + LETTER_OVERHEAD


_UPSERT_NOTE = """
INSERT INTO generations
    (id, source, path, seen_at, device, inode, size, changed, gone, facts, settled_to, fingerprint, final)
VALUES (?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, device = excluded.device, inode = excluded.inode,
    size = excluded.size, changed = MAX(changed, excluded.changed), gone = excluded.gone, facts = excluded.facts,
    final = COALESCE(excluded.final, final)
"""
_COUNT_LOST = "UPDATE sources SET truncated_unread = truncated_unread + ? WHERE name = ?"
_COUNT_MISSING = "UPDATE sources SET replay_missing = replay_missing + ? WHERE name = ?"
_INSERT_SPAN = """
INSERT INTO spans
    (id, generation, start, stop, clock, after_eof, hit_eof, fingerprint, file_changed, carry, demoted, epoch)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_INSERT_LETTER = """
INSERT OR IGNORE INTO dead_letters
    (source, path, generation, position, length, lines, timestamp, tenant, labels, text, reason, words, time)
VALUES (?, CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_OLD_FINISHED = "SELECT id, seen_at FROM generations WHERE source = ? AND finished ORDER BY id DESC LIMIT -1 OFFSET ?"


def _write_noted(database: sqlite3.Connection, noted: Waiting) -> None:
    """Write what was noted; what a generation lost is counted in the transaction that says so of the generation."""
    database.executemany("INSERT OR IGNORE INTO sources (name) VALUES (?)", [(name,) for name in noted.sources])
    database.executemany("INSERT OR IGNORE INTO epochs (hash, config) VALUES (?, ?)", list(noted.epochs.items()))
    database.executemany(_UPSERT_NOTE, [_note_row(note) for note in noted.notes.values()])
    losses = [(note.lost, note.source) for note in noted.notes.values() if note.lost]
    database.executemany(_COUNT_LOST, losses)


def _note_row(note: Note) -> tuple[object, ...]:
    paths = kept_path(note.path), kept_path(note.seen_at)
    identity = (note.id, note.source, *paths, note.device, note.inode, note.size)
    state = (note.changed, note.gone, msgspec.json.encode(note.facts))
    return (*identity, *state, note.start, msgspec.msgpack.encode(note.fingerprint), note.final)


def _span_row(row: int, span: Span) -> tuple[object, ...]:
    place = (row, span.origin.generation, span.start, span.end, span.clock, span.after_eof, span.hit_eof)
    state = (msgspec.msgpack.encode(span.fingerprint), span.file_changed, msgspec.msgpack.encode(span.carry))
    return (*place, *state, msgspec.json.encode(span.demoted), span.epoch)


def _letter_row(letter: DeadLetter) -> tuple[object, ...]:
    place = (letter.source, kept_path(letter.path), letter.generation, letter.offset, letter.length, letter.lines)
    entry = (letter.timestamp, letter.tenant, letter.labels, letter.text)
    return (*place, *entry, letter.reason, letter.words, letter.time)
