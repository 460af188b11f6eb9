"""`shipper positions`."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import orjson

from shipper.storage import Lock

if TYPE_CHECKING:
    from conftest import Place


def _position(place: Place, source: str = "app") -> dict[str, object]:
    return {
        "source": source,
        "path": str(place.log),
        "seen_at": str(place.log),
        "size": 34,
        "settled": 34,
        "left": 0,
        "open_spans": 0,
        "finished": False,
    }


LOSSES = {"source": "app", "truncated_unread": 0, "replay_missing": 0}


def test_the_list_says_how_far_each_file_is_read(place: Place) -> None:
    assert place.json("positions") == {"positions": [_position(place)], "sources": [LOSSES]}
    assert place.json("positions", "list", "app") == place.json("positions", "list")
    shown = place.shipper("positions").stdout.splitlines()
    assert [line.split()[:3] for line in shown] == [["source", "size", "settled"], ["app", "34", "34"]]


def test_the_list_says_what_each_source_has_lost(place: Place) -> None:
    database = sqlite3.connect(place.root / "data" / "journal.db", isolation_level=None)
    database.execute("UPDATE sources SET truncated_unread = 1200, replay_missing = 34")
    database.close()
    assert place.json("positions")["sources"] == [{"source": "app", "truncated_unread": 1200, "replay_missing": 34}]
    exported = orjson.loads(place.shipper("positions", "export").stdout)
    assert exported["sources"] == place.json("positions")["sources"]
    assert place.shipper("positions").stdout.splitlines()[2:] == [
        "app: 1 200 bytes in all were gone before they were read",
        "app: 34 bytes in all were gone after a crash; Loki may or may not have them",
    ]


def test_a_reset_source_has_no_positions(place: Place) -> None:
    assert place.json("positions", "reset", "app") == {"reset": "app", "positions": 1}
    assert place.shipper("positions").stdout == "no positions yet\n"


def test_a_renamed_source_keeps_its_positions(place: Place) -> None:
    assert place.shipper("positions", "rename", "app", "web").stdout == "app is now web: 1 position renamed\n"
    assert place.json("positions") == {"positions": [_position(place, "web")], "sources": [{**LOSSES, "source": "web"}]}


def test_what_is_not_there_is_told_with_what_is(place: Place) -> None:
    result = place.shipper("positions", "reset", "nope")
    told = "error: there are no positions of a source 'nope'\nhint: sources with positions: app\n"
    assert (result.exit_code, result.stderr) == (2, told)


def test_looking_works_beside_an_agent_and_changing_does_not(place: Place) -> None:
    lock = Lock(place.root / "data")
    lock.acquire()
    try:
        assert place.json("positions") == {"positions": [_position(place)], "sources": [LOSSES]}
        result = place.shipper("positions", "reset", "app")
    finally:
        lock.release()
    assert (result.exit_code, result.stderr.splitlines()[1]) == (
        1,
        "hint: stop it first; only looking works beside it",
    )


def test_an_export_holds_everything_there_is(place: Place) -> None:
    exported = orjson.loads(place.shipper("positions", "export").stdout)
    (one,) = exported["positions"]
    assert {name: one[name] for name in ("id", "source", "path", "offset", "finished", "open")} == {
        "id": 1,
        "source": "app",
        "path": str(place.log),
        "offset": 34,
        "finished": False,
        "open": [],
    }
    assert one["fingerprint"][0] == 34


def test_without_a_journal_it_says_so(place: Place) -> None:
    (place.root / "data" / "journal.db").unlink()
    result = place.shipper("positions")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        1,
        f"error: there is no journal at {place.root}/data/journal.db",
    )


def test_a_name_that_is_not_utf8_is_shown_with_what_can_be_shown(place: Place) -> None:
    place.log.rename(place.log.with_name(os.fsdecode(b"\xff.log")))
    shown = str(place.log.with_name("\ufffd.log"))
    with sqlite3.connect(place.root / "data" / "journal.db") as database:
        kept = os.fsencode(place.log.with_name(os.fsdecode(b"\xff.log")))
        database.execute("UPDATE generations SET path = CAST(? AS TEXT), seen_at = CAST(? AS TEXT)", (kept, kept))
    expected = _position(place) | {"path": shown, "seen_at": shown}
    assert place.json("positions") == {"positions": [expected], "sources": [LOSSES]}
    assert [one["path"] for one in orjson.loads(place.shipper("positions", "export").stdout)["positions"]] == [shown]
    assert shown in place.shipper("positions").stdout
