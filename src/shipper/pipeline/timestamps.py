"""The timestamps of a lane: from the times lines have of their own to the times entries are issued with.

Let `last` be the timestamp issued last and `parsed` the time parsed last, in this span or, carried, in the ones before.
Rule 1: a time after `last` is issued as it is; one that is not, but is not before `parsed`, becomes `last` + 1 ns, so
        order is kept and Loki merges no equal lines; a really earlier one (before `parsed`) is issued as it is.
Rule 2: a line without a time gets `last` + 1 ns. Only the first line of a span may do otherwise, if nothing was issued
        yet, or an end of file lies between and the clock is over 10 s away from `last`: then it takes the first time
        that comes after it in the span as its own, or else the clock.
        Where the origin says when each line was written, that is the clock of a line without a time: it takes it, or
        `last` + 1 ns if `last` is up to 10 s later (the program's clock was read before the origin's).
Rule 3: whatever these say, a value issued before, in this span or in the runs carried, is passed over for the next
        free one.
Rule 4: nothing here depends on anything but the span, its carry and the times given.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from operator import lt
from typing import Final, cast

from shipper.chunk import Carry, Span

BESIDE: Final = 10 * 1_000_000_000
"""So near to the clock a line without a time stays beside its neighbour even across an end of file."""
MOST_RUNS: Final = 256

Runs = tuple[tuple[int, int], ...]


class Times:
    """The state of Rule 1 to 3 over one span."""

    __slots__ = (
        "_clocks",
        "_highest",
        "_issued",
        "_last",
        "_parsed",
        "_recent",
        "_span",
        "_taken",
        "rising",
        "untimed",
    )

    def __init__(self, carry: Carry, span: Span, clocks: Sequence[int] | None = None) -> None:
        self._span = span
        self._clocks = clocks
        self._last = carry.issued
        self._parsed = carry.parsed
        self._recent = carry.recent
        self._highest = max((run[1] for run in carry.recent), default=0)
        self._highest = max(self._highest, carry.issued)
        self._issued: list[int] = []
        self._taken: _Taken | None = None
        self.rising = False
        """Whether it is known that what was issued only rises."""
        self.untimed: Collection[int] = ()
        """The indices of those that had no time of their own."""

    def issue(self, times: Sequence[int | None], indices: Sequence[int]) -> list[int]:
        """The timestamps of a span's entries, in order; `indices`: of their first lines. To be called once."""
        if _all_later(times, self._highest):
            self._issued = cast("list[int]", list(times))
            self._last = self._parsed = self._highest = self._issued[-1]
            self.rising = True
        else:
            self._issue_others(times, indices)
        return self._issued

    def by_the_clock(self, issued: list[int]) -> list[int]:
        """The timestamps of a pipeline that takes no times from lines: what comes under a later one follows them."""
        if issued:
            self._last = issued[-1]
        return issued

    def _issue_others(self, times: Sequence[int | None], indices: Sequence[int]) -> None:
        if self._clocks is not None:
            self._issue_by_clocks(times, [self._clocks[index] for index in indices])
            return
        if None in times:
            self.untimed = frozenset(index for index, own in zip(indices, times, strict=True) if own is None)
        self._issue_each(times, indices)

    def _issue_by_clocks(self, times: Sequence[int | None], clocks: list[int]) -> None:
        """For lines of which the origin says when each was written."""
        if not any(times) and _all_later(clocks, self._highest):
            self._issued = clocks
            self._last = self._highest = clocks[-1]
            self.rising = True
            return
        for own, clock in zip(times, clocks, strict=True):
            if own is not None:
                value = self._last + 1 if self._parsed <= own <= self._last else own
                self._parsed = own
            else:
                value = self._last + 1 if clock <= self._last <= clock + BESIDE else clock
            self._last = value if value > self._highest else self._free(value)
            self._highest = max(self._highest, self._last)
            if self._taken is not None:
                self._taken.take(self._last)
            self._issued.append(self._last)

    def _issue_each(self, times: Sequence[int | None], indices: Sequence[int]) -> None:
        last, parsed, issued = self._last, self._parsed, self._issued
        for position, own in enumerate(times):
            time = own
            if time is None and not position and not self._beside():
                time = next((later for later in times if later is not None), None)
                if time is None:
                    last = self._span.clock + indices[0] - 1
            if time is None:
                value = last + 1
            else:
                value = last + 1 if parsed <= time <= last else time
                parsed = time
            if value > self._highest:
                self._highest = value
            else:
                value = self._free(value)
            if self._taken is not None:
                self._taken.take(value)
            issued.append(value)
            last = value
        self._last, self._parsed = last, parsed

    def _beside(self) -> bool:
        """Whether a line without a time at the head of the span stays beside what was issued last."""
        if not self._last:
            return False
        return not self._span.after_eof or abs(self._span.clock - self._last) <= BESIDE

    def free(self, value: int) -> int:
        """`value`, or the next one after it that was not issued; it counts as issued from now on."""
        value = self._free(value)
        assert self._taken is not None
        self._taken.take(value)
        return value

    def _free(self, value: int) -> int:
        if self._taken is None:
            self._taken = _Taken(self._recent, self._issued)
        value = self._taken.free(value)
        self._highest = max(self._highest, value)
        return value

    def carry(self, level: str, record: str) -> Carry:
        """What the next span of the lane inherits."""
        return Carry(self._last, self._parsed, latest_runs(self._recent, self._issued), level, record)


def _all_later(times: Sequence[int | None], highest: int) -> bool:
    """Whether all lines have times of their own that only rise, from above `highest`: 25 ns a line."""
    if not times or None in times or times[0] <= highest:  # type: ignore[operator]
        return False
    return all(map(lt, times, islice(times, 1, None)))  # type: ignore[arg-type]


class _Taken:
    """Values that were issued, with near-constant search for the next free one."""

    __slots__ = ("_next", "_runs")

    def __init__(self, recent: Runs, issued: list[int]) -> None:
        self._runs = sorted(recent)
        self._next = {value: value + 1 for value in issued}

    def take(self, value: int) -> None:
        self._next[value] = value + 1

    def free(self, value: int) -> int:
        while True:
            after = self._past_runs(self._past_issued(value))
            if after == value:
                return value
            value = after

    def _past_issued(self, value: int) -> int:
        """Follows the chain and shortens it behind itself, as in union-find: long runs cost no second walk."""
        end, chain = value, []
        while (following := self._next.get(end)) is not None:
            chain.append(end)
            end = following
        for link in chain:
            self._next[link] = end
        return end

    def _past_runs(self, value: int) -> int:
        for first, last in self._runs:
            if first <= value <= last:
                value = last + 1
        return value


def latest_runs(recent: Runs, issued: Sequence[int]) -> Runs:
    """The latest runs of consecutive timestamps, oldest first, and always the one with the highest."""
    newest_first: list[list[int]] = []
    for value in reversed(issued):
        if newest_first and newest_first[-1][0] == value + 1:
            newest_first[-1][0] = value
        elif len(newest_first) == MOST_RUNS:
            break
        else:
            newest_first.append([value, value])
    for first, last in reversed(recent):
        if newest_first and newest_first[-1][0] == last + 1:
            newest_first[-1][0] = first
        elif len(newest_first) == MOST_RUNS:
            break
        else:
            newest_first.append([first, last])
    runs = [(first, last) for first, last in reversed(newest_first)]
    return tuple(_with_highest(runs, recent, issued))


def _with_highest(runs: list[tuple[int, int]], recent: Runs, issued: Sequence[int]) -> list[tuple[int, int]]:
    highest = max(max(issued, default=0), max((run[1] for run in recent), default=0))
    if not runs or max(run[1] for run in runs) == highest:
        return runs
    return [(highest, highest), *runs[1:]]
