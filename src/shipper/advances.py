"""How far generations come when spans of them are settled, and that on disk.

Rule 1: a position moves over spans in a row that are all settled; one settled before its turn is marked, and waits.
Rule 2: what one transaction settles is written with three statements, however many generations it is of.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import msgspec

from shipper.delivery.settled import Settled

_SETTLED_EARLIER = "SELECT stop, fingerprint, carry_after, id, hit_eof, stop, file_changed FROM spans WHERE id = ?"
_ADVANCE = """
UPDATE generations SET settled_to = ?, fingerprint = ?, carry = ?, settled_row = ?, at_eof = ?,
    size = MAX(size, ?), changed = MAX(changed, ?)
WHERE id = ?
"""


@dataclass(frozen=True, slots=True)
class Advance:
    """What a generation's settled spans come to."""

    generation: int
    passed: list[int]
    """Rows that its offset moves over."""
    last: Settled | None
    """The span of the last of these, if it was settled just now; None: it waited for those before it."""
    waiting: dict[int, Settled]
    """By row, those that wait for others before them."""


def advanced(generation: int, rows: Mapping[int, bool], ones: Mapping[int, Settled]) -> Advance:
    """What `ones`, settled now, come to for a generation; `rows`: its open spans in order, and which wait settled."""
    passed = list(takewhile(lambda row: row in ones or rows[row], rows))
    return Advance(
        generation=generation,
        passed=passed,
        last=ones.get(passed[-1]) if passed else None,
        waiting={row: one for row, one in ones.items() if row in rows and row not in passed},
    )


def write_advances(database: sqlite3.Connection, advances: Sequence[Advance]) -> None:
    """Advance generations, all at once: statement by statement, a thousand files took twice as long."""
    moved = [advance for advance in advances if advance.passed]
    database.executemany(_ADVANCE, [(*_values_behind(database, advance), advance.generation) for advance in moved])
    database.executemany("DELETE FROM spans WHERE id = ?", [(row,) for advance in moved for row in advance.passed])
    database.executemany(
        "UPDATE spans SET settled = 1, carry_after = ? WHERE id = ?",
        [(msgspec.msgpack.encode(one.carry), row) for advance in advances for row, one in advance.waiting.items()],
    )


def _values_behind(database: sqlite3.Connection, advance: Advance) -> tuple[object, ...]:
    """What `_ADVANCE` sets behind the last span that was passed."""
    return _settled_values(advance.last) if advance.last else _stored_values(database, advance.passed[-1])


def _settled_values(settled: Settled) -> tuple[object, ...]:
    """What `_ADVANCE` sets when the last span passed was settled just now."""
    span = settled.span
    state = (msgspec.msgpack.encode(span.fingerprint), msgspec.msgpack.encode(settled.carry))
    return (span.end, *state, span.row, span.hit_eof, span.end, span.file_changed)


def _stored_values(database: sqlite3.Connection, row: int) -> tuple[object, ...]:
    """What `_ADVANCE` sets when the last span passed was settled out of turn earlier."""
    stored: tuple[object, ...] = database.execute(_SETTLED_EARLIER, (row,)).fetchone()
    return stored
