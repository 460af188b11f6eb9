r"""Patterns of the configuration, on RE2: linear in the length of the text, whatever it holds.

Rule 1: what `among` leaves out matches nowhere; what it names may match.

google-re2's own `search` takes 2.4 µs for a line, `group` another 1 µs for each group. What is beneath it, which is
asked here, gives the places of all groups in 1.4 µs; and one search through a thousand lines at once takes 25 ns a line
to find that a word is in none of them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

import re2

Spans = Sequence[tuple[int, int]]

_OWN_EDGES: Final = re.compile(rb"\\[AzZCQ]|\(\?[^:P<]*-")
"""What means the edges of the text in spite of `(?m)`, or may."""
_RARE: Final = 8
"""One text in so many may match for it to be worth while to look for them all at once."""


class Pattern:
    """One pattern."""

    def __init__(self, pattern: str) -> None:
        source = pattern.encode()
        compiled: Any = re2.compile(source)
        self._match = compiled._regexp.Match  # beneath the module's own objects, see above
        self._anywhere = re2._Anchor.UNANCHORED
        self._in_lines = None if _OWN_EDGES.search(source) else re2.compile(b"(?m)" + source)._regexp.Match
        self.names: list[tuple[str, int]] = [(name.decode(), index) for name, index in compiled.groupindex.items()]

    def search(self, text: bytes) -> Spans | None:
        """The places of the first match and of its groups, (-1, -1) for one that took no part; None: no match."""
        spans: Spans = self._match(self._anywhere, text, 0, len(text))
        return None if spans[0][0] < 0 else spans

    def among(self, texts: Sequence[bytes]) -> Sequence[int]:
        """The indices of the texts that may match, in order."""
        everyone = range(len(texts))
        if self._in_lines is None or len(texts) < _RARE:
            return everyone
        whole, found, at = b"\n".join(texts), list[int](), 0
        ends: list[int] | None = None
        while (span := self._in_lines(self._anywhere, whole, at, len(whole))[0])[0] >= 0:
            first, at = span
            if first == at or len(found) > len(texts) // _RARE:
                return everyone
            if ends is None:
                ends = list(accumulate(len(text) + 1 for text in texts))
            index = bisect_right(ends, first)
            found += range(max(index, found[-1] + 1 if found else 0), bisect_right(ends, at - 1) + 1)
        return found
