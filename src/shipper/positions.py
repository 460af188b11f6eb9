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

from shipper.chunk import Carry, Fingerprint
from shipper.delivery.settled import DeadLetter
from shipper.errors import JournalError, UsageError
from shipper.sources.step import Generation, OpenSpan
from shipper.storage import Lock, connect, connect_readonly


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A dead letter with its number."""

    id: int
    letter: DeadLetter


class State:
    """Positions and dead letters of a data_dir; `write=True` takes the lock: JournalLocked beside an agent."""

    def __init__(self, data_dir: Path, *, write: bool = False) -> None:
        self._lock = Lock(data_dir) if write else None
        if self._lock is not None:
            connect_readonly(data_dir).close()
            self._lock.acquire()
        self._database = connect(data_dir)[0] if write else connect_readonly(data_dir)

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

    def reset(self, source: str) -> int:
        """Forget all positions of `source`: it starts as on a first start. Returns how many were forgotten."""
        self._require(source)
        self._database.execute("BEGIN IMMEDIATE")
        self._database.execute(
            "DELETE FROM spans WHERE generation IN (SELECT id FROM generations WHERE source = ?)", (source,)
        )
        count = self._database.execute("DELETE FROM generations WHERE source = ?", (source,)).rowcount
        self._database.execute("DELETE FROM sources WHERE name = ?", (source,))
        self._database.execute("COMMIT")
        return count

    def rename(self, old: str, new: str) -> int:
        """Give the positions of source `old` to source `new`, which must have none. Returns how many moved."""
        self._require(old)
        if new in self.sources():
            raise UsageError(
                f"source {new!r} has positions already", hint=f"reset it first: shipper positions reset {new}"
            )
        self._database.execute("BEGIN IMMEDIATE")
        count = self._database.execute("UPDATE generations SET source = ? WHERE source = ?", (new, old)).rowcount
        self._database.execute("UPDATE sources SET name = ? WHERE name = ?", (new, old))
        self._database.execute("UPDATE dead_letters SET source = ? WHERE source = ?", (new, old))
        self._database.execute("COMMIT")
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
        if numbers is None:
            return self._database.execute("DELETE FROM dead_letters").rowcount
        self._database.execute("BEGIN IMMEDIATE")
        cursor = self._database.executemany("DELETE FROM dead_letters WHERE id = ?", [(number,) for number in numbers])
        self._database.execute("COMMIT")
        return cursor.rowcount

    def _require(self, source: str) -> None:
        names = self.sources()
        if source not in names:
            known = ", ".join(names) or "none"
            raise UsageError(f"there are no positions of a source {source!r}", hint=f"sources with positions: {known}")


_LETTERS = """
SELECT id, source, path, generation, position AS offset, length, lines, timestamp, tenant, labels, text, reason, words,
    time
FROM dead_letters
WHERE (:source IS NULL OR source = :source) AND (:reason IS NULL OR reason = :reason) AND (:id IS NULL OR id = :id)
ORDER BY id LIMIT :limit OFFSET :skip
"""
_GENERATIONS = """
SELECT id, source, path, seen_at, device, inode, settled_to AS offset, size, changed, fingerprint, at_eof, carry,
    finished
FROM generations WHERE source = :source ORDER BY id
"""
_OPEN_SPANS = """
SELECT generation, spans.id AS row, start, stop AS end, clock, after_eof, hit_eof, spans.fingerprint, file_changed,
    spans.carry, demoted, epoch, settled
FROM spans JOIN generations ON generations.id = generation WHERE source = :source ORDER BY start
"""


def read_generations(database: sqlite3.Connection, source: str) -> list[Generation]:
    """Every generation of `source`, oldest first, each with its open spans in order."""
    spans: dict[int, list[OpenSpan]] = {}
    for row in _rows(database, _OPEN_SPANS, {"source": source}):
        spans.setdefault(row.pop("generation"), []).append(_open_span(row))
    generations = _rows(database, _GENERATIONS, {"source": source})
    return [_generation(row, tuple(spans.get(row["id"], ()))) for row in generations]


def _rows(
    database: sqlite3.Connection, sql: str, arguments: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    """The rows of a query, by column name."""
    try:
        cursor = database.execute(sql, arguments or {})
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]
    except sqlite3.Error as error:
        raise JournalError(
            f"the journal cannot be read: {error}", hint="start the agent once: it sets a damaged journal aside"
        ) from error


def _letter(row: dict[str, Any]) -> KeptLetter:
    return KeptLetter(row.pop("id"), DeadLetter(**row))


def _open_span(row: dict[str, Any]) -> OpenSpan:
    row["fingerprint"] = msgspec.msgpack.decode(row["fingerprint"], type=Fingerprint)
    row["carry"] = msgspec.msgpack.decode(row["carry"], type=Carry)
    row["demoted"] = tuple(msgspec.json.decode(row["demoted"], type=list[str]))
    flags = {name: bool(row[name]) for name in ("after_eof", "hit_eof", "settled")}
    return OpenSpan(**{**row, **flags})


def _generation(row: dict[str, Any], spans: tuple[OpenSpan, ...]) -> Generation:
    row["fingerprint"] = msgspec.msgpack.decode(row["fingerprint"], type=Fingerprint)
    row["carry"] = Carry() if row["carry"] is None else msgspec.msgpack.decode(row["carry"], type=Carry)
    flags = {name: bool(row[name]) for name in ("at_eof", "finished")}
    return Generation(open=spans, **{**row, **flags})
