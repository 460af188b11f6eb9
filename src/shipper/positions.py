"""What is on disk, for those who only look or who mend it by hand: positions and dead letters.

Rule 1: reading works beside a running agent; changing takes the agent's lock and so needs it stopped.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from shipper.chunk import Carry, Fingerprint, Mark, Moment
from shipper.delivery.settled import DeadLetter
from shipper.errors import JournalLocked, UsageError
from shipper.sources.file.paths import label
from shipper.sources.step import Generation, OpenSpan
from shipper.storage import Lock, Transaction, connect, connect_readonly, unreadable


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A dead letter with its number."""

    id: int
    letter: DeadLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Bytes that a source lost since its first start."""

    truncated_unread: int = 0
    """Known to have been there, and gone before they were read."""
    replay_missing: int = 0
    """Read and perhaps sent before a crash, and gone after it: whether Loki has them is not known."""


class State:
    """Positions and dead letters of a data_dir; `write=True` takes the lock: JournalLocked beside an agent."""

    def __init__(self, data_dir: Path, *, write: bool = False) -> None:
        self._lock = Lock(data_dir) if write else None
        if self._lock is not None:
            connect_readonly(data_dir).close()
            self._acquire(self._lock)
        self._database = connect(data_dir)[0] if write else connect_readonly(data_dir)

    def _acquire(self, lock: Lock) -> None:
        try:
            lock.acquire()
        except JournalLocked as error:
            raise JournalLocked(error.message, hint="stop it first; only looking works beside it") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._database.close()
        if self._lock is not None:
            self._lock.release()

    def sources(self) -> list[str]:
        """Every source that ever ran here, by name."""
        return [row["name"] for row in _rows(self._database, "SELECT name FROM sources ORDER BY name")]

    def positions(self, source: str | None = None) -> list[Generation]:
        """Every generation, by source and age."""
        names = self.sources() if source is None else [source]
        return [generation for name in names for generation in read_generations(self._database, name)]

    def losses(self, source: str | None = None) -> dict[str, Losses]:
        """What each source has lost, by name."""
        losses = read_losses(self._database)
        return losses if source is None else {name: one for name, one in losses.items() if name == source}

    def demoted(self, source: str) -> tuple[str, ...]:
        """Labels of a source that are structured metadata by now, sorted."""
        rows = _rows(self._database, "SELECT demoted FROM sources WHERE name = ?", (source,))
        return tuple(name for row in rows for name in msgspec.json.decode(row["demoted"], type=list[str]))

    def reset(self, source: str) -> int:
        """Forget all positions of `source`: it starts as on a first start. Returns how many were forgotten."""
        self._require(source)
        with Transaction(self._database, durable=True) as database:
            database.execute(
                "DELETE FROM spans WHERE generation IN (SELECT id FROM generations WHERE source = ?)", (source,)
            )
            count = database.execute("DELETE FROM generations WHERE source = ?", (source,)).rowcount
            database.execute("DELETE FROM sources WHERE name = ?", (source,))
        return count

    def rename(self, old: str, new: str) -> int:
        """Give the positions of source `old` to source `new`, which must have none. Returns how many moved."""
        self._require(old)
        if new in self.sources():
            raise UsageError(
                f"source {new!r} has positions already", hint=f"reset it first: shipper positions reset {new}"
            )
        with Transaction(self._database, durable=True) as database:
            count = database.execute("UPDATE generations SET source = ? WHERE source = ?", (new, old)).rowcount
            database.execute("UPDATE sources SET name = ? WHERE name = ?", (new, old))
            database.execute("UPDATE dead_letters SET source = ? WHERE source = ?", (new, old))
        return count

    def dead_letters(
        self, *, source: str | None = None, reason: str | None = None, limit: int = -1, skip: int = 0
    ) -> list[KeptLetter]:
        """Dead letters, oldest first."""
        arguments = {"source": source, "reason": reason, "id": None, "limit": limit, "skip": skip}
        return [_letter(row) for row in _rows(self._database, _LETTERS, arguments)]

    def dead_letter(self, number: int) -> KeptLetter:
        """The dead letter with this number; raises UsageError if there is none."""
        arguments = {"source": None, "reason": None, "id": number, "limit": 1, "skip": 0}
        rows = _rows(self._database, _LETTERS, arguments)
        if not rows:
            raise UsageError(f"there is no dead letter {number}", hint="shipper dead-letters list shows the numbers")
        return _letter(rows[0])

    def purge(self, numbers: Sequence[int] | None = None) -> int:
        """Delete these dead letters, or all of them; returns how many there were."""
        with Transaction(self._database, durable=True) as database:
            if numbers is None:
                return database.execute("DELETE FROM dead_letters").rowcount
            rows = [(number,) for number in numbers]
            return database.executemany("DELETE FROM dead_letters WHERE id = ?", rows).rowcount

    def _require(self, source: str) -> None:
        names = self.sources()
        if source not in names:
            known = ", ".join(names) or "none"
            raise UsageError(f"there are no positions of a source {source!r}", hint=f"sources with positions: {known}")


def summary(generation: Generation) -> dict[str, Any]:
    """How far one generation is, as JSON."""
    return {
        "source": generation.source,
        "path": label(generation.path),
        "seen_at": label(generation.seen_at),
        "size": generation.size,
        "settled": generation.offset,
        "left": max(0, generation.size - generation.offset),
        "open_spans": len(generation.open),
        "finished": generation.finished,
    }


_LETTERS = """
SELECT id, source, path, generation, position AS offset, length, lines, timestamp, tenant, labels, text, reason, words,
    time
FROM dead_letters
WHERE (:source IS NULL OR source = :source) AND (:reason IS NULL OR reason = :reason) AND (:id IS NULL OR id = :id)
ORDER BY id LIMIT :limit OFFSET :skip
"""
_LATEST_LETTERS = """
SELECT id, source, path, generation, position AS offset, length, lines, timestamp, tenant, labels,
    SUBSTR(text, 1, :longest) AS text, reason, words, time
FROM dead_letters WHERE id < :before ORDER BY id DESC LIMIT :limit
"""
_GENERATIONS = """
SELECT id, source, path, seen_at, device, inode, settled_to AS offset, size, changed, fingerprint, at_eof, carry,
    settled_row, finished, gone, facts
FROM generations WHERE source = :source ORDER BY id
"""
_OPEN_SPANS = """
SELECT generation, spans.id AS row, start, stop AS end, clock, after_eof, hit_eof, spans.fingerprint, file_changed,
    spans.carry, demoted, epoch, settled, carry_after
FROM spans JOIN generations ON generations.id = generation WHERE source = :source ORDER BY start
"""


def read_generations(database: sqlite3.Connection, source: str) -> list[Generation]:
    """Every generation of `source`, oldest first, each with its open spans in order."""
    spans: dict[int, list[OpenSpan]] = {}
    for row in _rows(database, _OPEN_SPANS, {"source": source}):
        spans.setdefault(row.pop("generation"), []).append(_open_span(row))
    generations = _rows(database, _GENERATIONS, {"source": source})
    return [_generation(row, tuple(spans.get(row["id"], ()))) for row in generations]


def read_letters(database: sqlite3.Connection, *, before: int, limit: int, longest: int) -> list[KeptLetter]:
    """The latest dead letters below number `before`, the latest first, with `longest` bytes of their texts at most."""
    arguments = {"before": before, "limit": limit, "longest": longest}
    return [_letter(row) for row in _rows(database, _LATEST_LETTERS, arguments)]


def read_losses(database: sqlite3.Connection) -> dict[str, Losses]:
    """What each source has lost, by name."""
    rows = _rows(database, "SELECT name, truncated_unread, replay_missing FROM sources ORDER BY name")
    return {row.pop("name"): Losses(**row) for row in rows}


def _rows(
    database: sqlite3.Connection, sql: str, arguments: Mapping[str, object] | Sequence[object] = ()
) -> list[dict[str, Any]]:
    """The rows of a query, by column name."""
    try:
        cursor = database.execute(sql, arguments)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]
    except sqlite3.Error as error:
        raise unreadable(error) from error


def _letter(row: dict[str, Any]) -> KeptLetter:
    return KeptLetter(row.pop("id"), DeadLetter(**row))


def _mark(data: bytes) -> Mark:
    """A mark of either kind: a file's is an array, a container stream's a map of at most 15 keys."""
    if data[0] & 0xF0 == 0x80:
        return msgspec.msgpack.decode(data, type=Moment)
    return msgspec.msgpack.decode(data, type=Fingerprint)


def _open_span(row: dict[str, Any]) -> OpenSpan:
    row["fingerprint"] = _mark(row["fingerprint"])
    row["carry"], row["carry_after"] = _carry(row["carry"]), _carry(row["carry_after"])
    row["demoted"] = tuple(msgspec.json.decode(row["demoted"], type=list[str]))
    flags = {name: bool(row[name]) for name in ("after_eof", "hit_eof", "settled")}
    return OpenSpan(**{**row, **flags})


def _generation(row: dict[str, Any], spans: tuple[OpenSpan, ...]) -> Generation:
    row["fingerprint"] = _mark(row["fingerprint"])
    row["facts"] = tuple(msgspec.json.decode(row["facts"], type=list[tuple[str, str]]))
    row["carry"] = _carry(row["carry"])
    flags = {name: bool(row[name]) for name in ("at_eof", "finished", "gone")}
    return Generation(open=spans, **{**row, **flags})


def _carry(data: bytes | None) -> Carry:
    return Carry() if data is None else msgspec.msgpack.decode(data, type=Carry)
