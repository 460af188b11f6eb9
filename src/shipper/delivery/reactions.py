"""The one right reaction to each reply: what stands in the queue in place of a push after an attempt.

Rule 1: every entry of the push is settled or in one of the pushes that replace it.
Rule 2: what may have been stored is in doubt, and is asked about before it is sent again.
Rule 3: a failure begins with the first reply that shows it and ends with the next success of the same scope.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shipper.clock import Clock
from shipper.config.model import Loki
from shipper.delivery.backoff import Backoff, retry_after
from shipper.delivery.batch import MAX_PUSH, Push, cost_of, halve, split
from shipper.delivery.client import NoReply, Reply
from shipper.delivery.holds import EVERYONE, Holds, new_streams
from shipper.delivery.isolate import isolate
from shipper.delivery.pace import Pace, Scope
from shipper.delivery.piece import Piece
from shipper.delivery.refusals import Refusals, strip_metadata
from shipper.delivery.replies import Kind, Verdict, classify
from shipper.delivery.report import named_stream, read_report, sort_out
from shipper.delivery.settle import Settlement
from shipper.delivery.streams import Streams
from shipper.delivery.wire import SECOND, parse_labels
from shipper.errors import WireError
from shipper.failures import Failures
from shipper.ledger import Ledger

LEAST_PUSH: Final = 64 * 1024
"""Pushes are not planned smaller than this, however small a proxy's limit seems; a refused one is split further."""
FOUND_FOR: Final = 9000 * SECOND
"""Entries older than 2.5 hours may be stored and yet not found by a query."""
PATIENCE: Final = 3
"""429 in a row before a push waits longer than the pace asks for; also how often an entry that is refused for reasons
nobody knows is tried once more."""
SILENT: Final = 8
"""Pushes without a useful answer in a row after which the server counts as down."""
PASSING: Final = ("loki_unreachable", "loki_timeout", "loki_server_error")

UNDERSTOOD: Final = frozenset(
    {Kind.REFUSED, Kind.VOID, Kind.METADATA, Kind.TENANT_RATE, Kind.STREAM_RATE, Kind.STREAM_LIMIT}
)
"""Refusals that only a Loki gives which reads this tenant's pushes: the set-up is right."""


class Reactions:
    """Reacts to outcomes; holds what was learned of the server on the way."""

    def __init__(
        self,
        loki: Loki,
        *,
        settlement: Settlement,
        streams: Streams,
        pace: Pace,
        holds: Holds,
        backoff: Backoff,
        failures: Failures,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._timeout = loki.timeout / SECOND
        self._verify = loki.verify == "auto"
        self._settlement = settlement
        self._streams = streams
        self._pace = pace
        self._holds = holds
        self._backoff = backoff
        self._failures = failures
        self._ledger = ledger
        self._clock = clock
        self._refusals = Refusals(loki, settlement)
        self._passed: dict[str, float] = {}
        self._silent = 0
        """Pushes in a row that nothing is known of."""
        self.limit = MAX_PUSH
        """The largest push worth planning."""
        self.supports_metadata = True
        self._by_kind: dict[Kind, Callable[[Push, Verdict, float, float], list[Push]]] = {
            Kind.ACCEPTED: self._accepted,
            Kind.UNKNOWN: self._unknown,
            Kind.TOO_LARGE: self._too_large,
            Kind.TENANT_RATE: self._tenant_rate,
            Kind.STREAM_RATE: self._stream_rate,
            Kind.STREAM_LIMIT: self._stream_limit,
            Kind.REFUSED: self._refused,
            Kind.VOID: self._void,
            Kind.METADATA: self._metadata,
            Kind.UNEXPLAINED: self._unexplained,
            Kind.HOLD: self._hold,
        }

    def react(self, push: Push, outcome: Reply | NoReply, now: float) -> list[Push]:
        """What replaces `push` in the queue; [] when all of it is settled."""
        if isinstance(outcome, NoReply):
            return self._no_reply(push, outcome, now)
        verdict = classify(outcome.status, outcome.headers, outcome.body)
        self._holds.answered(sound=verdict.kind is not Kind.UNKNOWN)
        self._silent = self._silent + 1 if verdict.kind is Kind.UNKNOWN else 0
        asked = retry_after(outcome.headers.get("retry-after"), self._clock.now())
        if verdict.kind is not Kind.ACCEPTED:
            self._ledger.push_retries[verdict.failure or verdict.kind.name.lower()] += 1
        if verdict.kind in UNDERSTOOD:
            self._holds.passed(push.tenant)
        return self._by_kind[verdict.kind](push, verdict, asked, now)

    def passed(self, tenant: str, now: float) -> None:
        """Loki has taken entries of the tenant."""
        self._passed[tenant] = now
        self._holds.passed(tenant)

    def finished(self, push: Push, now: float) -> None:
        """Loki has all of the push: what was wrong is over."""
        self._failures.end_all(PASSING)
        self.passed(push.tenant, now)

    def gone(self, push: Push) -> None:
        """All of the push is settled, one way or another."""
        for name, what in push.troubles:
            self._failures.end(name, what=what)

    def put_off(self, push: Push, now: float, at_least: float = 0.0) -> list[Push]:
        """The same push again, after a pause."""
        push.attempts += 1
        push.put_off(now + self._backoff.pause(push.attempts, at_least), floor=now + at_least)
        return [push]

    def broken_off(self, push: Push, now: float) -> None:
        """Nobody waits for the reply any more: what was sent may arrive all the same."""
        _doubt(push.pieces)
        push.arrived_by = now + self._timeout
        self.put_off(push, now, self._timeout)

    def quiet(self, *, shut: bool) -> None:
        """Nothing waits any more: what slowed it down is over; `shut`: the way to Loki is known not to be open."""
        if not shut:
            self._failures.end_all(PASSING)
        for scope in self._pace.scopes():
            self._end_limit(scope)

    def _accepted(self, push: Push, verdict: Verdict, asked: float, now: float) -> list[Push]:
        self._settlement.store(*push.pieces)
        new = [self._streams.accepted((push.tenant, labels), now) for labels in push.streams]
        if any(new):
            self._holds.opened(push.tenant)
        costs = costs_of(push) if self._pace.limiting else {(push.tenant, ""): push.cost}
        for scope in self._pace.accepted(costs, now):
            self._end_limit(scope)
        self._ledger.last_success = self._clock.now()
        self.finished(push, now)
        return []

    def _no_reply(self, push: Push, outcome: NoReply, now: float) -> list[Push]:
        self._ledger.push_retries[outcome.status] += 1
        if not outcome.sent:
            self._holds.begin(EVERYONE, outcome.failure, outcome.detail, push, now=now)
            return [push]
        self._silent += 1
        self._in_doubt(push, outcome.failure, outcome.detail, now)
        if outcome.failure != "loki_timeout":
            return self.put_off(push, now)
        push.arrived_by = now + self._timeout
        return self.put_off(push, now, self._timeout)

    def _in_doubt(self, push: Push, failure: str, detail: str, now: float) -> None:
        """Nobody knows what became of a push; after several in a row one at a time is enough."""
        _doubt(push.pieces)
        if self._silent > SILENT:
            self._holds.begin(EVERYONE, failure, detail, push, now=now)
        else:
            self._failures.begin(failure, detail)

    def _unknown(self, push: Push, verdict: Verdict, asked: float, now: float) -> list[Push]:
        self._in_doubt(push, verdict.failure, verdict.detail, now)
        if not verdict.pending:
            return self.put_off(push, now, asked)
        push.arrived_by = now + self._timeout
        return self.put_off(push, now, max(asked, self._timeout))

    def _hold(self, push: Push, verdict: Verdict, asked: float, now: float) -> list[Push]:
        self._holds.begin(push.tenant, verdict.failure, verdict.detail, push, now=now, at_least=asked)
        return [push]

    def _too_large(self, push: Push, verdict: Verdict, asked: float, now: float) -> list[Push]:
        if verdict.partial:
            _doubt(push.pieces)
        size = push.size
        self.limit = max(LEAST_PUSH, min(self.limit, size // 2))
        parts = split(push, size // 2)
        if len(parts) > 1:
            return parts
        if push.entries > 1:
            return halve(push)
        self._trouble(push, "too_large", f"{verdict.detail}: {size} bytes", what=push.pieces[0].source)
        return self.put_off(push, now, asked)

    def _tenant_rate(self, push: Push, verdict: Verdict, asked: float, now: float) -> list[Push]:
        scope = (push.tenant, "")
        self._failures.begin("rate_limited", verdict.detail, what=push.tenant)
        self._pace.limited(scope, push.cost, sent_at=push.sent_at, stated=verdict.limit, now=now)
        self._slow(push, asked, now)
        if verdict.limit and push.cost > verdict.limit:
            return split(push, max(1, int(verdict.limit)))
        return _smaller(push)

    def _slow(self, push: Push, asked: float, now: float) -> None:
        """The pace decides when a limited push goes again; one that is refused again and again waits longer."""
        push.limited += 1
        pause = self._backoff.pause(push.limited - PATIENCE) if push.limited > PATIENCE else 0.0
        push.put_off(now + max(asked, pause), floor=now + max(asked, pause))

    def _stream_rate(self, push: Push, verdict: Verdict, asked: float, now: float) -> list[Push]:
        report = read_report(push, verdict.words)
        labels = report.labels if report else named_stream(push, "")
        if not labels:
            _doubt(push.pieces)
            self._slow(push, asked, now)
            return _one_by_one(push)
        key = (push.tenant, labels)
        self._failures.begin("stream_rate_limited", verdict.detail, what=labels)
        self._streams.limited(key, now)
        cost = cost_of(push.streams[labels])
        self._pace.limited(key, cost, sent_at=push.sent_at, stated=verdict.limit, now=now)
        self._slow(push, asked, now)
        limited = sort_out(push.streams[labels], report)
        others = {name: pieces for name, pieces in push.streams.items() if name != labels}
        return [*self._presumed(push, others, True), *_smaller(push.with_streams({labels: limited}))]

    def _stream_limit(self, push: Push, verdict: Verdict, asked: float, now: float) -> list[Push]:
        if len(push.streams) > 1:
            _doubt(push.pieces)
            self._slow(push, asked, now)
            return _one_by_one(push)
        self._streams.turned_away((push.tenant, next(iter(push.streams))))
        scope = new_streams(push.tenant)
        self._holds.begin(scope, "stream_limit", verdict.detail, push, now=now, at_least=asked)
        return [push]

    def _refused(self, push: Push, verdict: Verdict, asked: float, now: float) -> list[Push]:
        isolation = isolate(push, verdict.words)
        if not isolation.offences:
            return self._unexplained(push, verdict, asked, now)
        rest, again = self._refusals.part(push, isolation, metadata=self.supports_metadata)
        push.attempts = push.limited = 0
        self._failures.end_all(PASSING)
        return self._presumed(push, rest, isolation.complete) + ([push.with_streams(again)] if again else [])

    def _presumed(self, push: Push, streams: dict[str, list[Piece]], complete: bool) -> list[Push]:
        """Entries that Loki's words leave out: stored, says Loki; asked about where an answer is worth something."""
        if not streams:
            return []
        young = self._clock.now() - FOUND_FOR
        left: dict[str, list[Piece]] = {}
        for labels, pieces in streams.items():
            for piece in pieces:
                if complete and not (self._verify and piece.first > young):
                    self._settlement.store(piece)
                else:
                    piece.doubt, piece.presumed = True, complete
                    left.setdefault(labels, []).append(piece)
        return [push.with_streams(left)] if left else []

    def _void(self, push: Push, verdict: Verdict, asked: float, now: float) -> list[Push]:
        bad = [labels for labels in push.streams if len(push.streams) == 1 or not _readable(labels)]
        if not bad:
            return _one_by_one(push)
        for labels in bad:
            for piece in push.streams[labels]:
                self._refusals.refuse(piece, "labels", verdict.words, metadata=self.supports_metadata)
        good = {labels: pieces for labels, pieces in push.streams.items() if labels not in bad}
        return [push.with_streams(good)] if good else []

    def _metadata(self, push: Push, verdict: Verdict, asked: float, now: float) -> list[Push]:
        self.supports_metadata = False
        streams: dict[str, list[Piece]] = {}
        stripped = 0
        for piece in push.pieces:
            having, bare = strip_metadata(piece)
            if bare is not None:  # entries without metadata may have been taken
                bare.doubt = True
            stripped += having is not None
            streams.setdefault(piece.labels, []).extend(part for part in (having, bare) if part is not None)
        if not stripped:
            return self._unexplained(push, verdict, asked, now)
        self._failures.once(verdict.failure, verdict.detail)
        return [push.with_streams(streams)]

    def _unexplained(self, push: Push, verdict: Verdict, asked: float, now: float) -> list[Push]:
        """Halve until the entry is found; give it up only if Loki took others meanwhile: the set-up may be wrong."""
        if push.bisected_at is None:
            push.bisected_at = now
        others_pass = self._passed.get(push.tenant, push.bisected_at) > push.bisected_at
        if not others_pass:
            self._holds.begin(push.tenant, "loki_bad_request", verdict.detail, push, now=now, at_least=asked)
        _doubt(push.pieces)
        if push.entries > 1:
            return halve(push)
        if not others_pass:
            return [push]
        if push.attempts < PATIENCE:
            return self.put_off(push, now, asked)
        self._refusals.refuse(push.pieces[0], "refused", verdict.words, metadata=self.supports_metadata)
        return []

    def _trouble(self, push: Push, name: str, detail: str, *, what: str) -> None:
        self._failures.begin(name, detail, what=what)
        push.troubles.add((name, what))

    def _end_limit(self, scope: Scope) -> None:
        tenant, labels = scope
        if labels:
            self._failures.end("stream_rate_limited", what=labels)
        else:
            self._failures.end("rate_limited", what=tenant)


def costs_of(push: Push) -> dict[Scope, int]:
    """Bytes of a push as Loki's rates count them, for its tenant and for each of its streams."""
    costs: dict[Scope, int] = {(push.tenant, labels): cost_of(pieces) for labels, pieces in push.streams.items()}
    costs[push.tenant, ""] = sum(costs.values())
    return costs


def _doubt(pieces: list[Piece]) -> None:
    for piece in pieces:
        piece.doubt = True


def _one_by_one(push: Push) -> list[Push]:
    return [push.with_streams({labels: pieces}) for labels, pieces in push.streams.items()]


def _smaller(push: Push) -> list[Push]:
    """A limited push again, in halves once it was limited again and again: it may be larger than any burst."""
    return halve(push) if push.limited > 2 * PATIENCE and push.entries > 1 else [push]


def _readable(labels: str) -> bool:
    try:
        return bool(parse_labels(labels))
    except WireError:
        return False
