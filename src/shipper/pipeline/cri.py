"""Lines of the CRI format, `time stream P|F text`: which of them are pieces of a line that still goes on.

Rule 1: pure: what is decided depends on the lines given alone.
Rule 2: a piece (P) waits for those that follow it in its stream, and what the other stream says meanwhile waits too, so
        that one chunk has all of a line for the stage `cri` to put together.
Rule 3: what waits is bounded, by `max_bytes` and `max_wait`; then pieces go as they are.

Source: cri-api's `logs.go` and containerd's writer, which cuts after 16 KiB: `P` for a piece, `F` for the last one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from shipper.chunk import Joins
from shipper.config.model import Cri, ResolvedSource

LINE: Final = re.compile(rb"(\S{10,40}) (stdout|stderr) ([FP])(?::\S{0,40})?(?: |$)")
"""Time, stream and tag of a line; its text follows."""
MAX_WAIT: Final = 3_000_000_000
"""A runtime writes the pieces of a line at once: one that lacks its end after so long, ns, will not get it."""


class Pieces:
    """Says which lines have all their pieces."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.max_wait = MAX_WAIT

    def whole(self, lines: Sequence[bytes]) -> tuple[int, Joins]:
        """How many of the lines there are up to the last place at which no stream is amid a line; `cri` joins them."""
        amid: set[bytes] = set()
        count = 0
        for index, line in enumerate(lines, 1):
            match = LINE.match(line)
            if match and match[3] == b"P":
                amid.add(match[2])
            elif match:
                amid.discard(match[2])
            if not amid:
                count = index
        waiting = sum(map(len, lines[count:]))
        return (count if waiting <= self._max_bytes else len(lines)), ()


def compile_pieces(resolved: ResolvedSource) -> Pieces | None:
    """What keeps pieces together; None if the pipeline does not read the CRI format."""
    if not any(isinstance(stage, Cri) for stage in resolved.stages):
        return None
    return Pieces(resolved.max_line_bytes)
