"""Which of many lines have something in them.

Rule 1: bytes in, indices out; what the lines are is known by their lengths, each and the LF behind it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

_STRIDE = 64
"""Lines whose lengths are added up together."""


def lines_with(mark: bytes, data: bytes, lengths: Sequence[int], begin: int = 0) -> Iterator[int]:
    """Indices of the lines in `data` that have `mark` in them, in order; one that `data` ends with may have no LF.

    The first line is at offset `begin`, which is negative if it began before `data`. 5 ns a line where few have it;
    counting LFs takes 25, and asking each line for a word 350.
    """
    at = data.find(mark)
    if at < 0:
        return
    ends = list(
        accumulate(sum(lengths[first : first + _STRIDE]) + _STRIDE for first in range(0, len(lengths), _STRIDE))
    )
    while at >= 0:
        stride = bisect_right(ends, at - begin)
        index, end = stride * _STRIDE, begin + (ends[stride - 1] if stride else 0)
        while index < len(lengths) and (end := end + lengths[index] + 1) <= at:
            index += 1
        if index >= len(lengths):
            return
        yield index
        at = data.find(mark, end)
