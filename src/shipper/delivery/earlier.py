"""Which pushes of a queue wait for earlier ones, because these have much older entries of a stream of theirs.

Rule 1: what is told of a push depends on the pushes before it in the queue alone, settled or not, and on nothing else.
"""

from __future__ import annotations

import math

from shipper.delivery.batch import Push
from shipper.delivery.streams import BEHIND, Key


class Earlier:
    """The pushes before one, told in order.

    Streams are compared only where some push, of whatever streams, is old enough to be waited for: most queues are
    minutes long, and a push may have thousands of streams.
    """

    def __init__(self) -> None:
        self._first: float = math.inf
        """The smallest timestamp of all."""
        self._oldest: dict[Key, int] = {}
        """The smallest one by stream, of those that are not in `_others`."""
        self._others: list[Push] = []

    def hold_up(self, push: Push) -> bool:
        """Whether an earlier push has much older entries of one of its streams; it is an earlier one from now on."""
        first, last = push.extent
        waits = self._first < last - BEHIND and self._hold_up(push)
        self._first = min(self._first, first)
        self._others.append(push)
        return waits

    def _hold_up(self, push: Push) -> bool:
        for other in self._others:
            for key, (first, _) in other.ranges.items():
                self._oldest[key] = min(first, self._oldest.get(key, first))
        self._others.clear()
        return any(self._oldest.get(key, last) < last - BEHIND for key, (_, last) in push.ranges.items())
