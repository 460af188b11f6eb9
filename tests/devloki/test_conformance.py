"""Each of the recorded exchanges with two unmodified Loki servers, played to the stand-in: same reply, same content."""

import base64
import json
import re
from calendar import timegm
from pathlib import Path
from time import strptime

import pytest
import snappy

from shipper.devloki.limits import recorded_tenants
from shipper.devloki.release import RELEASES

RECORDED = json.loads(Path(__file__).with_name("conformance.json").read_text())["versions"]
VERSIONS = {"2.9.0": "2.9", "3.4.6": "3.4"}
SECOND = 1_000_000_000
WEEK = 7 * 86_400 * SECOND
CUT = " … "  # the recorder cut long texts in the middle

CASES = [(number, case["case"]) for number, cases in RECORDED.items() for case in cases]


def recorded(number: str, name: str) -> dict:
    return next(case for case in RECORDED[number] if case["case"] == name)


def began(number: str) -> int:
    """When a recording was made: its unique number is the time of its pushes."""
    body = base64.b64decode(recorded(number, "json_push")["request_base64"])
    return int(json.loads(body)["streams"][0]["values"][0][0])


def test_both_recordings_hold_the_same_64_cases():
    names = {number: [case["case"] for case in cases] for number, cases in RECORDED.items()}
    assert [len(set(each)) for each in names.values()] == [64, 64]
    assert names["2.9.0"] == names["3.4.6"]


@pytest.mark.parametrize(("number", "name"), CASES, ids=lambda value: VERSIONS.get(value, value))
def test_a_recorded_push_is_answered_and_stored_as_recorded(start, encoded, number, name):
    case, uid = recorded(number, name), began(number)
    loki = start(version=VERSIONS[number], tenants=recorded_tenants(RELEASES[VERSIONS[number]]), auth=True)
    loki.now = uid
    for seed in RECORDED[number]:
        if seed["case"].startswith(f"{name}("):
            assert play(loki, seed, uid, encoded).status_code == seed["status"]
    loki.now = arrival(case, uid)

    reply = play(loki, case, uid, encoded)

    assert reply.status_code == case["status"]
    assert reply.headers.get("content-type") == case.get("response_content_type")
    assert_same_text(reply.text.replace(str(uid), "<uid>"), case["body"])
    if "stored" in case:
        assert stored(loki, case["tenant"], uid) == expected(case, uid)


def arrival(case: dict, uid: int) -> int:
    """When the push arrived: a refusal for age tells it, else the moment of its entries will do."""
    oldest = re.search(r"too old: \S+, oldest acceptable timestamp is: (\S+)Z", case["body"])
    return timegm(strptime(oldest[1], "%Y-%m-%dT%H:%M:%S")) * SECOND + WEEK if oldest else uid


def play(loki, case: dict, uid: int, encoded):
    headers = {name: value for name, value in case["headers"].items() if value}
    if case["tenant"]:
        headers["x-scope-orgid"] = case["tenant"]
    return loki.request(case["method"], case["path"], content=body_of(case, uid, encoded), headers=headers)


def body_of(case: dict, uid: int, encoded) -> bytes:
    if "request_base64" in case:
        return base64.b64decode(case["request_base64"])
    if case["case"] == "snappy_but_not_protobuf":
        return snappy.compress(b"garbage")  # not recorded; its first byte has wire type 7, as the reply says
    return snappy.compress(encoded([(labels_of(stream, uid), entries_of(stream, uid)) for stream in streams_of(case)]))


def streams_of(case: dict) -> list[dict]:
    return case["request_streams"]


def labels_of(stream: dict, uid: int) -> str:
    labels = stream["labels"].replace("<uid>", str(uid))
    if labels.endswith("..."):  # the recorder cut these two
        return '{job="' + "a" * 2049 + '"}' if labels.startswith("{job=") else "{" + "a" * 1025 + '="x"}'
    return labels


def entries_of(stream: dict, uid: int) -> list[tuple]:
    entries = stream["entries"]
    if stream["entry_count"] > len(entries):  # the recorder kept the first three
        entries = [numbered(entries, index) for index in range(stream["entry_count"])]
    return [(time_of(entry["at"], uid), line_of(entry["line"]), metadata_of(entry)) for entry in entries]


def numbered(entries: list[dict], index: int) -> dict:
    first, second = entries[0]["line"], entries[1]["line"]
    repeated = first["repeat"] if first == second else str(index)
    return {"at": {"seconds_from_now": 0, "ns": index}, "line": first | {"repeat": repeated}}


def time_of(at: dict, uid: int) -> int:
    return at["absolute_ns"] if "absolute_ns" in at else uid + at["seconds_from_now"] * SECOND + at["ns"]


def line_of(line: str | dict) -> bytes:
    if isinstance(line, dict):
        return (line["repeat"] * line["n"]).encode()
    return line.encode().replace(b"<0xFF>", b"\xff").replace(b"<0xFE>", b"\xfe")


def metadata_of(entry: dict) -> list[tuple[str, str]]:
    metadata = entry.get("metadata", [])
    if isinstance(metadata, dict):
        return [(f"name{index}", "v") for index in range(metadata["pairs"])]
    return [(name, value if isinstance(value, str) else value["repeat"] * value["n"]) for name, value in metadata]


def assert_same_text(text: str, wanted: str) -> None:
    if CUT not in wanted:
        assert text == wanted
        return
    head, tail = wanted.split(CUT)
    assert (text[: len(head)], text[-len(tail) :]) == (head, tail)
    assert len(text) > len(head) + len(tail)


def stored(loki, tenant: str, uid: int) -> list:
    reply = loki.request(
        "GET",
        "/loki/api/v1/query_range",
        params={
            "query": '{job=~".+"}',
            "start": uid - 2 * WEEK,
            "end": uid + WEEK,
            "limit": 5000,
            "direction": "forward",
        },
        headers={"x-scope-orgid": tenant},
    )
    assert reply.status_code == 200
    found = reply.json()["data"]["result"]
    return by_labels([stream["stream"], [[int(time), line] for time, line in stream["values"]]] for stream in found)


def expected(case: dict, uid: int) -> list:
    return by_labels(
        [
            {name: value.replace("<uid>", str(uid)) for name, value in stream["stream"].items()},
            [[time_of(at, uid), line_of(line).decode()] for at, line in stream["values"]],
        ]
        for stream in case["stored"]
    )


def by_labels(streams) -> list:
    return sorted(streams, key=lambda stream: sorted(stream[0].items()))
