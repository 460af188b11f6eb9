"""Law 3 looked at from outside: what the ledger says, against the lines that really are under way.

Rule 1: the lines under way are counted where they are, in batches, pushes and uncommitted dead letters, and never taken
        from the ledger: a piece that is dropped on the way, or settled twice, is an imbalance.
Rule 2: the check changes nothing. With `SHIPPER_ASSERT_BOOKS=1` in the environment the agent makes it after every
        hand-over and every commit, and stops at the first imbalance: tests and the demonstration run so.
"""

from __future__ import annotations

from collections.abc import Mapping

from shipper.errors import BooksUnbalanced
from shipper.failures import Failures
from shipper.ledger import Ledger

ASSERT: str = "SHIPPER_ASSERT_BOOKS"


def imbalances(ledger: Ledger, under_way: Mapping[str, int]) -> dict[str, str]:
    """What does not add up, by source; `under_way`: lines that really are, by source."""
    found = {}
    for source, account in ledger.accounts.items():
        there = under_way.get(source, 0)
        if account.imbalance or account.in_flight != there:
            settled = account.read - account.in_flight - account.imbalance
            found[source] = (
                f"{account.read} lines read, {settled} settled, {account.in_flight} in flight by the books "
                f"and {there} by count"
            )
    return found


class Books:
    """The check in a running agent; `strict`: an imbalance is an error."""

    def __init__(self, ledger: Ledger, failures: Failures, *, strict: bool) -> None:
        self.strict = strict
        self.error: BooksUnbalanced | None = None
        """The first imbalance, if it is to stop the agent."""
        self._ledger = ledger
        self._failures = failures

    def check(self, under_way: Mapping[str, int]) -> bool:
        """Name what does not add up; return whether everything does."""
        found = imbalances(self._ledger, under_way)
        for source, detail in found.items():
            self._failures.once("books_unbalanced", detail, source=source)
        if found and self.strict and self.error is None:
            told = "; ".join(f"source {source}: {detail}" for source, detail in sorted(found.items()))
            self.error = BooksUnbalanced(
                f"the books do not balance: {told}",
                hint="this is a bug in shipper, please report it with the agent's log",
            )
        return not found
