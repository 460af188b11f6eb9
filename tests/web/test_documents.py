"""The documents of the API: whole ones, of a real agent before the embedded receiver."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.web.conftest import Page, page

from shipper.chunk import Carry, Fingerprint, Origin, Span
from shipper.collector import Collector
from shipper.delivery.settled import DeadLetter, Settled
from shipper.devloki.server import Receiver
from shipper.sources.step import Unit
from shipper.web import sources

TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z")
NOW = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
LINES = f"{NOW} INFO one\n{NOW} INFO two\n\n{NOW} ERROR three\n"
OLD = "2001-01-01 00:00:00 INFO too old for any Loki\n"


def timeless(document: Any) -> Any:
    """Times are only told to be some."""
    if isinstance(document, dict):
        return {name: timeless(value) for name, value in document.items()}
    if isinstance(document, list):
        return [timeless(value) for value in document]
    return "a time" if isinstance(document, str) and TIME.fullmatch(document) else document


async def settled(there: Page, lines: int) -> None:
    """Until all of them are read and nothing is under way."""
    async with asyncio.timeout(20):
        while (account := there.agent.ledger.account("app")).read < lines or account.in_flight:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def asked(there: Page) -> None:
    """Until the source was asked how far it is, after it had settled everything: that is not done at every look."""
    async with asyncio.timeout(20):
        await there.web._watch.look()
        while there.web._watch.lags() != {"app": 0} or there.web._watch.extent("app").things != 1:
            await asyncio.sleep(0.1)
            await there.web._watch.look()


def summary(root: Path) -> dict[str, Any]:
    del root
    return {
        "name": "app",
        "type": "file",
        "unit": "file",
        "units": 1,
        "lines_read": 5,
        "bytes_read": len(LINES + OLD),
        "delivered": 3,
        "dropped": 1,
        "dead_lettered": 1,
        "in_flight": 0,
        "lag_bytes": 0,
        "oldest_unsettled_seconds": 0.0,
        "streams": 2,
        "last_line_at": "a time",
        "pipeline": "text",
        "multiline": "",
        "labels": {"job": "app"},
        "fallbacks": {},
        "truncated_unread_bytes": 0,
        "replay_missing_bytes": 0,
        "failures": ["entries_refused"],
    }


def test_everything_is_told_of_an_agent_that_delivered_dropped_and_refused(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    log = tmp_path / "logs" / "app.log"
    log.write_text(LINES + OLD)

    async def run() -> dict[str, Any]:
        async with Receiver() as loki, page(tmp_path, url=loki.url, loki='tenant = "t1"') as there:
            await settled(there, 5)
            await asked(there)
            names = ("status", "sources/app", "failures", "pushes", "labels", "dead-letters")
            found = {name: timeless(await there.get(f"/api/v1/{name}")) for name in names}
            found["url"] = loki.url
            return found

    found = asyncio.run(run())
    status = found["status"]
    rates = status.pop("rates")
    assert (rates["every"], sum(rates["lines"]), sum(rates["bytes"]), sum(rates["delivered"])) == (
        1.0,
        5,
        len(LINES + OLD),
        3,
    )
    assert len({len(rates[name]) for name in ("lines", "bytes", "delivered", "lag_bytes")}) == 1
    (told,) = status.pop("sources")
    assert told.pop("lines_per_second") >= 0
    assert told == summary(tmp_path)
    refused = {
        "name": "entries_refused",
        "source": "app",
        "detail": status["failures"][0]["detail"],
        "hint": status["failures"][0]["hint"],
        "since": "a time",
        "notice": False,
        "what": ["too_old"],
        "count": 1,
    }
    assert status == {
        "version": "0.1.0",
        "started_at": "a time",
        "now": "a time",
        "once": False,
        "ready": True,
        "not_ready": [],
        "loki": {"url": found["url"], "tenant": "t1", "version": "3.4.6", "last_push_at": "a time"},
        "books": {
            "read": 5,
            "delivered": 3,
            "dropped": 1,
            "dead_lettered": 1,
            "in_flight": 0,
            "balanced": True,
            "dropped_by_reason": {"blank": 1},
            "dead_lettered_by_reason": {"too_old": 1},
        },
        "bytes_read": len(LINES + OLD),
        "lag_bytes": 0,
        "oldest_unsettled_seconds": 0.0,
        "streams": 2,
        "failures": [refused],
    }
    assert found["failures"] == {"failures": [refused], "ended": []}

    source = found["sources/app"]
    own = {"filename": str(log), "job": "app", "part": "app"}
    assert source.pop("lines_per_second") >= 0
    assert source == summary(tmp_path) | {
        "units": [
            {
                "path": str(log),
                "state": "tailing",
                "size": len(LINES + OLD),
                "offset": len(LINES + OLD),
                "lag_bytes": 0,
                "settled": len(LINES + OLD),
                "last_line_at": "a time",
                "labels": {"part": "app"},
                "detail": "",
            }
        ],
        "found": 1,
        "offset": 0,
        "shown": 1,
        "streams_found": 2,
        "stream_list": source["stream_list"],
    }
    assert sorted(source["stream_list"], key=lambda one: -one["entries"]) == source["stream_list"]
    assert {frozenset(one["labels"].items()): one["entries"] for one in source["stream_list"]} == {
        frozenset((own | {"level": "info"}).items()): 2,
        frozenset((own | {"level": "error"}).items()): 1,
    }

    pushes = found["pushes"]
    assert pushes["by_status"] == {"204": len(pushes["pushes"])}
    assert sum(push["entries"] for push in pushes["pushes"]) == 3
    assert {frozenset(push) for push in pushes["pushes"]} == {
        frozenset({"at", "status", "seconds", "bytes", "entries", "streams", "detail"})
    }
    assert {label["name"]: (label["values"], label["source_values"]) for label in found["labels"]["labels"]} == {
        name: (count, {"app": count}) for name, count in {"filename": 1, "job": 1, "level": 2, "part": 1}.items()
    }
    assert found["labels"]["labels"][1] == {
        "name": "filename",
        "values": 1,
        "top": [{"value": str(log), "streams": 2}],
        "source_values": {"app": 1},
        "max_label_values": 200,
        "demoted": False,
    }
    (letter,) = found["dead-letters"].pop("dead_letters")
    assert found["dead-letters"] == {"total": 1, "bytes": found["dead-letters"]["bytes"], "next": None}
    assert letter.pop("said").startswith("2001-01-01T00:00:00Z is older than max_age")
    assert letter == {
        "id": 1,
        "source": "app",
        "path": str(log),
        "offset": len(LINES),
        "lines": 1,
        "reason": "too_old",
        "at": "a time",
        "timestamp": "a time",
        "labels": own | {"level": "info"},
        "text": "",
        "cut": False,
        "kept": False,
    }


def test_files_come_in_pages_the_newest_first_and_by_a_part_of_their_path(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    for number in range(25):
        (tmp_path / "logs" / f"{'web' if number % 2 else 'job'}{number:02}.log").write_text("x\n")

    async def run() -> None:
        async with page(tmp_path) as there:
            await settled_read(there, 25)
            whole = await there.get("/api/v1/sources/app")
            assert (whole["found"], whole["shown"], len(whole["units"])) == (25, 25, 25)
            some = await there.get("/api/v1/sources/app", offset=5, limit=3, contains="/web")
            assert (some["found"], some["offset"], some["shown"]) == (12, 5, 3)
            webs = [unit for unit in whole["units"] if "/web" in unit["path"]]
            assert some["units"] == webs[5:8]
            assert {unit["settled"] for unit in whole["units"]} == {0}
            assert {unit["lag_bytes"] for unit in whole["units"]} == {2}
            for wrong in ("offset=-1", "limit=1001", "limit=ten", "limit=%EF%BC%91"):
                assert (await there.client.get(f"/api/v1/sources/app?{wrong}")).status_code == 400

    async def settled_read(there: Page, lines: int) -> None:
        async with asyncio.timeout(20):
            while there.agent.ledger.account("app").read < lines:  # noqa: ASYNC110 - polled from outside
                await asyncio.sleep(0.02)

    asyncio.run(run())


def test_a_source_that_is_taken_out_while_it_is_asked_for_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with page(tmp_path) as there:
            agent, found = there.agent, sources._found

            def taken_out(collector: Collector, contains: str) -> list[Unit]:
                agent.fleet._runners.pop("app")
                return found(collector, contains)

            runner = agent.fleet._runners["app"]
            monkeypatch.setattr(sources, "_found", taken_out)
            reply = await there.client.get("/api/v1/sources/app")
            agent.fleet._runners["app"] = runner
            assert (reply.status_code, reply.json()["error"]) == (404, "there is no source app")

    asyncio.run(run())


def test_dead_letters_come_in_pages_the_latest_first(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "app.log").write_text(OLD * 8)

    async def run() -> list[Any]:
        async with page(tmp_path) as there:
            await settled(there, 8)
            found: list[Any] = []
            page_of: dict[str, int] = {"limit": 3}
            while True:
                letters = await there.get("/api/v1/dead-letters", **page_of)
                assert letters["total"] == 8
                found.append(letters["dead_letters"])
                if letters["next"] is None:
                    return found
                page_of["before"] = letters["next"]

    found = asyncio.run(run())
    assert [[letter["id"] for letter in some] for some in found] == [[8, 7, 6], [5, 4, 3], [2, 1]]


def test_a_dead_letter_shows_the_beginning_of_its_text_and_labels_that_nobody_can_read(tmp_path: Path) -> None:
    letter = DeadLetter(
        offset=1,
        length=9000,
        lines=1,
        timestamp=10**18,
        labels='{a="<b>"} x',
        tenant="",
        text="é".encode() * 4500,
        reason="labels",
        words="couldn't parse labels",
        source="app",
        path="/logs/a.log",
        generation=1,
        time=10**18,
    )
    span = Span(
        origin=Origin(source="app", generation=1, path="/logs/a.log"),
        start=0,
        end=1,
        clock=1,
        after_eof=False,
        hit_eof=False,
        fingerprint=Fingerprint(),
    )

    async def run() -> Any:
        async with page(tmp_path) as there:
            await there.agent.journal.begin([span])
            await there.agent.journal.commit([Settled(span=span, carry=Carry(), dead_letters=(letter,))])
            return await there.get("/api/v1/dead-letters")

    found = asyncio.run(run())
    (shown,) = found["dead_letters"]
    assert (shown["text"], shown["cut"], shown["kept"]) == ("é" * 2000, True, True)
    assert shown["labels"] == {"": '{a="<b>"} x'}
    assert found["total"] == 1


def test_a_failure_of_many_files_is_one_row(tmp_path: Path) -> None:
    async def run() -> Any:
        async with page(tmp_path) as there:
            for number in range(30):
                there.agent.failures.begin("file_unreadable", "EACCES", source="app", what=f"/{number}")
            there.agent.failures.begin("io_error", source="app")
            there.agent.failures.end("io_error", source="app")
            return timeless(await there.get("/api/v1/failures"))

    found = asyncio.run(run())
    row = next(failure for failure in found["failures"] if failure["name"] == "file_unreadable")
    assert (row["count"], row["what"]) == (30, [f"/{number}" for number in range(10)])
    ended = found["ended"][0]
    assert (ended["name"], ended["ended"], ended["lasted_seconds"] < 5) == ("io_error", "a time", True)


def test_the_playground_tells_what_becomes_of_pasted_lines(tmp_path: Path) -> None:
    async def run() -> None:
        async with page(tmp_path) as there:
            asked = {"source": "app", "text": f"{NOW} ERROR <b>three</b>", "path": "/x/logs/web.log"}
            reply = await there.client.post("/api/v1/playground", json=asked)
            found = reply.json()
            assert (reply.status_code, found["source"], found["path"]) == (200, "app", "/x/logs/web.log")
            (record,) = found["records"]
            assert record["entry"]["text"] == asked["text"]
            labels = {"filename": "/x/logs/web.log", "job": "app", "level": "error", "part": "web"}
            assert record["entry"]["labels"] == labels
            for wrong, status in (
                ({"source": "nobody", "text": "x"}, 404),
                ({"source": "app"}, 400),
                ({"source": "app", "text": 7}, 400),
                ({"source": "app", "text": "x", "path": "y" * 5000}, 400),
                (["app"], 400),
            ):
                reply = await there.client.post("/api/v1/playground", json=wrong)
                assert (reply.status_code, set(reply.json())) == (status, {"error", "hint"})
            assert there.agent.ledger.account("app").read == 0

    asyncio.run(run())
