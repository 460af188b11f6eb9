"""The way to Loki, looked at while nothing is pushed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from shipper.delivery import probe as module
from shipper.delivery.client import NoReply, Reply
from shipper.delivery.probe import Probe, Way, judge
from shipper.failures import Failures
from shipper.ledger import Ledger

REFUSED = NoReply(failure="loki_unreachable", detail="connection refused", sent=False)


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    return Reply(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=body)


@pytest.mark.parametrize(
    ("outcome", "way", "failure"),
    [
        (reply(405), Way.OPEN, ""),
        (reply(501, b"Unsupported method ('GET')"), Way.OPEN, ""),
        (reply(400, b"no org id"), Way.OPEN, ""),
        (reply(204), Way.OPEN, ""),
        (reply(429), Way.OPEN, ""),
        (reply(404, b"404 page not found"), Way.UNKNOWN, ""),
        (reply(403), Way.UNKNOWN, ""),
        (reply(200, b"<html>welcome</html>", content_type="text/html"), Way.UNKNOWN, ""),
        (reply(401, b"no"), Way.SHUT, "loki_unauthorized"),
        (reply(407), Way.SHUT, "loki_unauthorized"),
        (reply(302, location="/login"), Way.SHUT, "loki_redirect"),
        (reply(500), Way.SHUT, "loki_server_error"),
        (reply(502, b"<html>bad gateway</html>"), Way.SHUT, "loki_server_error"),
        (reply(503), Way.SHUT, "loki_server_error"),
        (reply(504), Way.SHUT, "loki_timeout"),
        (reply(408), Way.SHUT, "loki_timeout"),
        (REFUSED, Way.SHUT, "loki_unreachable"),
        (NoReply(failure="loki_timeout", detail="", sent=True), Way.SHUT, "loki_timeout"),
        (NoReply(failure="loki_unauthorized", detail="no file", sent=False), Way.SHUT, "loki_unauthorized"),
    ],
)
def test_what_an_answer_to_a_get_of_the_push_url_says_of_the_way(
    outcome: Reply | NoReply, way: Way, failure: str
) -> None:
    assert judge(outcome)[:2] == (way, failure)


class Bench:
    """A probe before scripted answers."""

    def __init__(self, answers: Sequence[Reply | NoReply | None]) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.struggling = False
        self.answered = self.returned = 0
        self.ledger = Ledger()
        self.failures = Failures()
        client: Any = self
        self.probe = Probe(
            client,
            "t1",
            ledger=self.ledger,
            failures=self.failures,
            struggling=lambda: self.struggling,
            answered=self._answered,
            returned=self._returned,
        )

    async def look(self, tenant: str) -> Reply | NoReply:
        assert tenant == "t1"
        self.asked += 1
        answer = self.answers.pop(0)
        if answer is None:
            await asyncio.Event().wait()
        assert answer is not None
        return answer

    def _answered(self) -> None:
        self.answered += 1

    async def _returned(self) -> None:
        self.returned += 1

    def steps(self, count: int) -> None:
        async def run() -> None:
            for _ in range(count):
                await self.probe.step()

        asyncio.run(run())

    @property
    def named(self) -> list[tuple[str, str]]:
        return [(failure.name, failure.what) for failure in self.failures.current()]


def test_an_outage_is_named_while_it_lasts_and_what_waits_is_woken_once_when_it_ends() -> None:
    bench = Bench([REFUSED, reply(503), reply(405), reply(405)])
    bench.steps(1)
    assert (bench.named, bench.probe.reached, bench.probe.shut) == ([("loki_unreachable", "")], False, True)
    bench.steps(1)
    assert (bench.named, bench.answered, bench.returned) == ([("loki_server_error", "")], 1, 0)
    bench.steps(2)
    assert (bench.named, bench.returned, bench.probe.reached, bench.probe.shut) == ([], 1, True, False)


def test_a_push_that_got_through_is_answer_enough() -> None:
    bench = Bench([reply(401), reply(405)])
    bench.steps(1)
    assert bench.named == [("loki_unauthorized", "t1")]
    bench.ledger.last_success = 1
    bench.steps(1)
    assert (bench.named, bench.asked, bench.probe.reached, bench.returned) == ([], 1, True, 0)
    bench.steps(1)
    assert bench.asked == 2


def test_pushes_that_are_still_tried_in_vain_keep_the_failure_until_one_gets_through() -> None:
    bench = Bench([REFUSED, reply(405), reply(405)])
    bench.steps(1)
    bench.struggling = True
    bench.steps(2)
    assert (bench.named, bench.returned) == ([("loki_unreachable", "")], 1)
    bench.ledger.last_success = 1
    bench.steps(1)
    assert bench.named == []


def test_an_answer_that_tells_nothing_ends_an_outage_and_does_not_make_loki_reached() -> None:
    bench = Bench([REFUSED, reply(404, b"404 page not found")])
    bench.steps(2)
    assert (bench.named, bench.returned, bench.probe.reached) == ([], 1, False)
    assert bench.probe.seen == "a GET of the push URL was answered 404 page not found: the first push will show"


def test_silence_is_an_outage_within_the_time_that_it_has_to_be_named_in(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.EVERY + module.WITHIN < 5
    monkeypatch.setattr(module, "WITHIN", 0.05)
    bench = Bench([None])
    bench.steps(1)
    assert bench.named == [("loki_timeout", "")]
