"""Before a push in doubt is sent: what Loki has is settled, what it lacks stays in the push.

Rule 1: where Loki cannot be asked, what its words say is stored is believed, all else is sent again byte for byte.
Rule 2: a question that gets no answer is repeated, for `PERSIST` seconds at most while the server can be reached.
Rule 3: what an earlier process sent may still be on its way for the time that a request may take: until then a hit is
        believed, and what is missing is asked about again.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from shipper.config.model import Loki
from shipper.delivery.batch import Push
from shipper.delivery.holds import EVERYONE, Holds
from shipper.delivery.piece import Piece
from shipper.delivery.reactions import Reactions
from shipper.delivery.settle import Settlement
from shipper.delivery.verify import Found, Refused, Unanswered, Verifier
from shipper.delivery.wire import SECOND
from shipper.failures import Failures

PERSIST: Final = 300.0


class Next(Enum):
    """What is to be done with a push after the question."""

    SEND = auto()
    DONE = auto()
    LATER = auto()


class Asking:
    """Settles what Loki has of pushes in doubt."""

    def __init__(
        self,
        loki: Loki,
        verifier: Verifier,
        *,
        settlement: Settlement,
        reactions: Reactions,
        holds: Holds,
        failures: Failures,
        begun: float,
    ) -> None:
        self._arrived_by = begun + loki.timeout / SECOND
        """When all that earlier processes sent has arrived, or never will; monotonic seconds."""
        self._enabled = loki.verify == "auto"
        self._verifier = verifier
        self._settlement = settlement
        self._reactions = reactions
        self._holds = holds
        self._failures = failures

    async def resolve(self, push: Push, now: float) -> Next:
        """Ask about every stream in doubt; `push` keeps what is to be sent."""
        for labels in list(push.streams):
            doubtful = [piece for piece in push.streams[labels] if piece.doubt]
            if doubtful and not await self._stream(push, labels, doubtful, now):
                return Next.LATER
        push.asking_since = None
        if push.doubtful:
            push.put_off(self._arrived_by, floor=self._arrived_by)
            return Next.LATER
        return Next.SEND if push.streams else Next.DONE

    async def _stream(self, push: Push, labels: str, doubtful: list[Piece], now: float) -> bool:
        """Whether what can be known about one stream by now is known."""
        early = False
        try:
            if not self._enabled:
                raise Refused("verify is off")
            found = await self._verifier.ask(doubtful)
        except Refused as refusal:
            if self._enabled:
                self._failures.begin("verify_unavailable", refusal.message, what=push.tenant)
                push.troubles.add(("verify_unavailable", push.tenant))
            found = _unasked(doubtful)
        except Unanswered as silence:
            if not self._give_up(push, silence, now):
                return False
            found = _unasked(doubtful)
        else:
            self._failures.end("verify_unavailable", what=push.tenant)
            self._holds.answered(sound=False)
            early = now < self._arrived_by
            if any(division.stored for division in found):
                self._reactions.passed(push.tenant, now)
        self._apply(push, labels, found, early=early)
        return True

    def _apply(self, push: Push, labels: str, found: list[Found], *, early: bool) -> None:
        kept = [piece for piece in push.streams[labels] if not piece.doubt]
        for division in found:
            if division.stored is not None:
                self._settlement.store(division.stored)
            if division.missing is not None:
                division.missing.presumed = False
                division.missing.doubt = early and division.missing.pending.span.replay
                kept.append(division.missing)
        push.keep(labels, kept)

    def _give_up(self, push: Push, silence: Unanswered, now: float) -> bool:
        """Put the question off; or, if it has failed for very long, do without an answer."""
        if not silence.reached:
            self._holds.begin(EVERYONE, silence.failure, silence.message, push, now=now)
            return False
        self._holds.answered(sound=False)
        push.asking_since = now if push.asking_since is None else push.asking_since
        if now - push.asking_since < PERSIST:
            self._failures.begin(silence.failure, silence.message)
            self._reactions.put_off(push, now)
            return False
        self._failures.begin("verify_unavailable", silence.message, what=push.tenant)
        push.troubles.add(("verify_unavailable", push.tenant))
        return True


def _unasked(doubtful: list[Piece]) -> list[Found]:
    return [Found(piece, None) if piece.presumed else Found(None, piece) for piece in doubtful]
