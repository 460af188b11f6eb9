"""The five laws of the design, each as a question to the agent, the journal and Loki at one moment.

`broken(...)` of each returns what is wrong, in words; nothing, where the law holds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.model.life import NAME, ROOM, Life
from tests.model.loki import Server
from tests.model.witness import Witness

from shipper.books import imbalances
from shipper.sources.file import tail

HELD = {
    "ConnectError": {"loki_unreachable"},
    "ConnectionResetError": {"loki_unreachable"},
    "CancelledError": {"loki_timeout"},
    401: {"loki_unauthorized"},
    429: {"rate_limited", "stream_rate_limited", "stream_limit"},
    500: {"loki_server_error"},
    503: {"loki_server_error"},
}
"""What an answer must be called as long as it is the last one."""
PATIENCE = 120.0
"""Seconds after which something that is not settled must have a name."""


class Positions:
    """Law 1: a position passes only what is in Loki, in the dead letters, or dropped by a rule."""

    def __init__(self) -> None:
        self._passed: dict[int, int] = {}
        """By generation: how far its position is known to be right."""

    def broken(self, life: Life, server: Server, witness: Witness) -> Iterator[str]:
        """Positions that passed too much."""
        database = life.journal._database
        letters = set(database.execute("SELECT generation, position FROM dead_letters"))
        for generation, settled in database.execute("SELECT id, settled_to FROM generations").fetchall():
            spans = witness.spans.get(generation, {})
            at = self._passed.get(generation, min(spans, default=settled))
            while at < settled:
                seen = spans.get(at)
                if seen is None or seen.end > settled:
                    yield f"generation {generation} is settled to {settled}, but was read from {at} to another end"
                    break
                for origin, entry in seen.entries:
                    if entry not in server.stored and origin not in letters:
                        yield f"{origin} is settled, but {entry} is neither in Loki nor a dead letter"
                at = seen.end
            self._passed[generation] = at


def impure(witness: Witness) -> Iterator[str]:
    """Law 2: what is made again is the same to the last byte, and no two lines are one entry."""
    yield from witness.violations


def unbalanced(life: Life, witness: Witness) -> Iterator[str]:
    """Law 3: read = delivered + dropped + dead-lettered + in flight."""
    account = life.ledger.account(NAME)
    yield from imbalances(life.ledger, life.delivery.under_way()).values()
    if account.read != witness.lines:
        yield f"{account.read} lines in the books, {witness.lines} were read"
    if account.in_flight < 0:
        yield f"{account.in_flight} lines in flight"


def unbounded(life: Life, logs: Path) -> Iterator[str]:
    """Law 4: so much in memory, so many descriptors, and no more."""
    outstanding = life.delivery.total_outstanding()
    # Each byte counts as read and as encoded, each line for what surrounds it; one step may bring a block too much.
    most = ROOM + 4 * (ROOM + tail.BLOCK)
    if outstanding > most:
        yield f"{outstanding} bytes are outstanding, {most} may be"
    held = life.tailer.extent().open
    if (descriptors := len(open_files(logs))) != held:
        yield f"{descriptors} descriptors for {held} generations that are being read"
    query = "SELECT id FROM generations WHERE finished"
    finished = {row[0] for row in life.journal._database.execute(query)}
    leaked = [status for status in life.tailer.files() if status.open and status.generation in finished]
    if leaked:
        yield f"finished, and still open: {leaked}"


def unnamed(life: Life, server: Server, now: float) -> Iterator[str]:
    """Law 5: what is wrong has a name while it lasts."""
    names = {failure.name for failure in life.failures.current()}
    expected = HELD.get(server.last[1], set())
    if expected and not names & expected:
        yield f"Loki answered {server.last[1]} to a {server.last[0]}, and only {names} are named"
    account = life.ledger.account(NAME)
    if account.dead_lettered and "entries_refused" not in names:
        yield f"there are dead letters, and only {names} are named"
    if life.losses and not names & {"truncated_unread", "generation_lost", "replay_missing"}:
        yield f"bytes are gone, and only {names} are named"
    if now - max(life.moved_at, server.succeeded_at) > PATIENCE and not names:
        yield "nothing moves, and nothing is named"


def open_files(logs: Path) -> list[str]:
    """The files below `logs` that this process holds open."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one that lists them is closed by now
            links.append(str(descriptor.readlink()))
    return [link for link in links if link.startswith(f"{logs}/")]
