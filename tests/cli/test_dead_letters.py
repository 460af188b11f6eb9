"""`shipper dead-letters`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from shipper.devloki.server import serve

if TYPE_CHECKING:
    from conftest import Place


def _document(place: Place, number: int) -> dict[str, object]:
    first = {
        "id": 1,
        "refused": "2026-02-02T02:40:00Z",
        "source": "app",
        "path": str(place.log),
        "offset": 11,
        "length": 12,
        "lines": 1,
        "timestamp": "2026-02-02T02:39:59.999999995Z",
        "tenant": "",
        "labels": '{job="app"}',
        "reason": "too_old",
        "words": "it is too old",
        "text": None,
    }
    own = {"id": 2, "offset": 23, "length": 11, "reason": "labels", "words": "no such label", "text": "kept text"}
    return first if number == 1 else {**first, **own}


def _stored(url: str) -> list[list[str]]:
    parameters = {"query": '{job="app"}', "start": "0", "direction": "forward"}
    reply = httpx.get(f"{url}/loki/api/v1/query_range", params=parameters, trust_env=False)
    return [value for stream in reply.json()["data"]["result"] for value in stream["values"]]


def test_the_list_has_each_with_lokis_words(place: Place) -> None:
    both = [_document(place, 1), _document(place, 2)]
    assert place.json("dead-letters") == {"dead_letters": both, "more": False}
    assert place.json("dead-letters", "list", "--reason", "labels") == {"dead_letters": both[1:], "more": False}
    assert place.json("dead-letters", "list", "--limit", "1") == {"dead_letters": both[:1], "more": True}
    assert place.shipper("dead-letters").stdout.splitlines()[1].split()[:4] == [
        "1",
        "2026-02-02T02:40:00Z",
        "app",
        "too_old",
    ]


def test_one_is_shown_whole(place: Place) -> None:
    assert place.json("dead-letters", "show", "2") == _document(place, 2)
    missing = place.shipper("dead-letters", "show", "7")
    assert (missing.exit_code, missing.stderr.splitlines()[0]) == (2, "error: there is no dead letter 7")


def test_purging_needs_to_know_which(place: Place) -> None:
    assert place.shipper("dead-letters", "purge").exit_code == 2
    assert place.json("dead-letters", "purge", "--reason", "labels") == {"purged": 1}
    assert place.json("dead-letters", "purge", "--all") == {"purged": 1}
    assert place.shipper("dead-letters").stdout == "no dead letters\n"
    for command in (["list"], ["replay"]):
        assert place.shipper("dead-letters", *command, "--reason", "labels").stdout == "no dead letters match\n"


def test_a_replay_sends_texts_and_pointers_and_removes_what_was_taken(place: Place) -> None:
    with serve(limits=False) as receiver:
        place.configure(receiver.url)
        assert place.json("dead-letters", "replay", "--all") == {"accepted": 2, "refused": []}
        stored = _stored(receiver.url)
    assert sorted(text for _, text in stored) == ["kept text", "second line"]
    assert {time for time, _ in stored} == {"1769999999999999995"}
    assert place.json("dead-letters") == {"dead_letters": [], "more": False}


def test_a_pointer_is_found_in_the_rotated_file_and_goes_through_the_pipeline_again(place: Place) -> None:
    place.log.rename(place.root / "app.log.1")
    place.log.write_text("something else entirely\n")
    stages = '[[pipeline.masked]]\nstage = "replace"\npattern = "second"\nwith = "***"\n'
    with serve(limits=False) as receiver:
        place.configure(receiver.url, pipeline="masked", stages=stages)
        assert place.json("dead-letters", "replay", "1") == {"accepted": 1, "refused": []}
        assert _stored(receiver.url) == [["1769999999999999995", "*** line"]]


def test_what_is_refused_again_stays_with_the_reason(place: Place) -> None:
    with serve() as receiver:
        place.configure(receiver.url)
        result = place.shipper("dead-letters", "replay", "2")
        assert result.exit_code == 1
        assert result.stdout.endswith("0 of 1 accepted and removed\n")
        restamped = place.json("dead-letters", "replay", "2", "--restamp")
    assert restamped == {"accepted": 1, "refused": []}


def test_bytes_that_are_gone_are_said_to_be_gone(place: Place) -> None:
    place.log.write_text("other\n")
    with serve(limits=False) as receiver:
        place.configure(receiver.url)
        assert place.json("dead-letters", "replay", "1") == {
            "accepted": 0,
            "refused": [
                {
                    "id": 1,
                    "words": f"{place.log} at offset 11: no file has these bytes any more",
                    "hint": "put the file back under its name or a rotated one, or purge the letter "
                    "(shipper dead-letters purge ID)",
                }
            ],
        }
        assert place.shipper("dead-letters", "replay", "1").stdout.splitlines() == [
            f"1: {place.log} at offset 11: no file has these bytes any more",
            "hint: put the file back under its name or a rotated one, or purge the letter "
            "(shipper dead-letters purge ID)",
            "0 of 1 accepted and removed",
        ]
    assert len(place.json("dead-letters")["dead_letters"]) == 2


@pytest.mark.parametrize(("status", "name"), [(401, "loki_unauthorized"), (404, "loki_not_found")])
def test_a_wrong_set_up_ends_the_replay_with_its_hint_and_loses_nothing(place: Place, status: int, name: str) -> None:
    with serve(limits=False) as receiver:
        receiver.fault(status=status, count=1, body="no")
        place.configure(receiver.url)
        result = place.shipper("dead-letters", "replay", "--all")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (1, f"error: {name}: {status} no")
    assert len(place.json("dead-letters")["dead_letters"]) == 2
