"""Where one reading of a stream ended and the next goes on: each message passes once.

Rule 1: the Engine is asked for what was written since a while before the moment (`since`); what it sends up to and with
        the message at that moment is passed over. So a clock that stepped back by less than `BACK` loses nothing.
Rule 2: if that message does not come, and one does that is later than all that was read, Docker has discarded what lay
        between: a gap.
Rule 3: what is read from the log in order is believed. What is followed is not: engines before 23 send lines again when
        they rotate a log under a follower. A followed message that is not later than the one before it is doubted: the
        connection is given up, and the log is read in order from the moment on.
Rule 4: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter, lt
from typing import Final

from shipper.chunk import Moment
from shipper.sources.docker.frames import SECOND, Message

BACK: Final = 2 * SECOND
_TIME: Final = itemgetter(0)


@dataclass(slots=True)
class Passed:
    """The messages that were not read before, each with the moment behind it."""

    messages: list[Message] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    gap: tuple[int, int] | None = None
    """Times of the last message read and of the first after a gap."""
    doubted: bool = False
    """Whether what follows has to be read from the log in order."""


def chained(first: Passed, second: Passed) -> Passed:
    """The messages of both, in order."""
    return Passed(first.messages + second.messages, first.moments + second.moments)


def divided(passed: Passed, count: int) -> tuple[Passed, Passed]:
    """The first `count` messages, and the others."""
    return (
        Passed(passed.messages[:count], passed.moments[:count]),
        Passed(passed.messages[count:], passed.moments[count:]),
    )


class Seam:
    """Lets messages of one stream pass, over all its connections."""

    def __init__(self, after: Moment) -> None:
        self.moment = after
        self._live = False
        self._matched = False
        self._seen = 0
        self._whole = True
        """Whether the last message ended with an LF."""
        self._ties = False
        """Whether messages of one time were seen in the log itself, as on hosts with a coarse clock."""

    @property
    def since(self) -> int:
        """What the Engine is asked for: the earliest time, ns; 0: all there is."""
        return max(0, self.moment.time - BACK) if self.moment.count else self.moment.time

    def connect(self, *, live: bool) -> None:
        """A new connection begins; `live`: it follows."""
        self._live, self._seen = live, 0
        self._matched = self.moment == Moment()

    def take(self, messages: Sequence[Message]) -> Passed:
        """What of a connection's next messages is new."""
        if self._matched and messages and self._all_later(messages):
            return self._take_all(list(messages))
        passed = Passed()
        for message in messages:
            if not self._matched:
                if not self._match(message[0], passed):
                    continue
            elif self._live and self._is_doubtful(message[0]):
                passed.doubted = True
                break
            self._accept(message, passed)
        return passed

    def _all_later(self, messages: Sequence[Message]) -> bool:
        times = list(map(_TIME, messages))
        return times[0] > self.moment.latest and all(map(lt, times, islice(times, 1, None)))

    def _take_all(self, messages: list[Message]) -> Passed:
        moments = [Moment(time, 1, time) for time, _ in messages]
        self.moment, self._whole = moments[-1], messages[-1][1].endswith(b"\n")
        return Passed(messages, moments)

    def _match(self, time: int, passed: Passed) -> bool:
        """Whether a message is the first new one of this connection."""
        moment = self.moment
        if not moment.count:
            self._matched = time >= moment.time
        elif time == moment.time:
            self._seen += 1
            self._matched = self._seen == moment.count
            return False
        elif time > moment.latest:
            self._matched, passed.gap = True, (moment.time, time)
        return self._matched

    def _is_doubtful(self, time: int) -> bool:
        moment = self.moment
        return time < moment.time or (time == moment.time and self._whole and not self._ties)

    def _accept(self, message: Message, passed: Passed) -> None:
        time, moment = message[0], self.moment
        tie = time == moment.time and moment.count > 0
        self._ties = self._ties or (tie and self._whole)
        self.moment = Moment(time, moment.count + 1 if tie else 1, max(time, moment.latest))
        self._whole = message[1].endswith(b"\n")
        passed.messages.append(message)
        passed.moments.append(self.moment)
