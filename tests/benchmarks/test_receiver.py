"""The counting receiver: every line of every push, whoever sent it, and nothing twice."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from benchmarks.agent import Arrived, arrived, ask, receiver
from benchmarks.counting import Push, checksum_of, counted, percentile, written_at
from cramjam import snappy
from hypothesis import given
from hypothesis import strategies as st

from shipper.devloki.push_proto import PushRequest


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with receiver() as running:
        yield running


def _protobuf(*streams: list[bytes]) -> bytes:
    request = PushRequest()
    for lines in streams:
        stream = request.streams.add(labels=b'{job="load"}')
        for line in lines:
            stream.entries.add(line=line)
    return bytes(snappy.compress_raw(request.SerializeToString()))


def _json(*lines: str) -> bytes:
    return json.dumps({"streams": [{"stream": {}, "values": [["1", line] for line in lines]}]}).encode()


def _send(url: str, body: bytes, headers: dict[str, str] | None = None) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    connection.request("POST", "/loki/api/v1/push", body, headers or {})
    assert connection.getresponse().status == 204
    connection.close()


def test_every_kind_of_push_is_counted_once(url: str) -> None:
    _send(url, _protobuf([b"one", b"two"], ["drei ✓".encode()]))
    _send(url, _json("four", "fünf"), {"Content-Type": "application/json"})
    _send(url, gzip.compress(_json("six")), {"Content-Type": "application/json", "Content-Encoding": "gzip"})
    got = arrived(url)
    lines = [line.encode() for line in ("one", "two", "drei ✓", "four", "fünf", "six")]
    assert (got.entries, got.bytes, got.checksum) == (6, sum(map(len, lines)), checksum_of(lines))
    assert (got.pushes, got.parts) == (3, 4)
    assert arrived(url).entries == 0


def test_a_push_in_pieces_and_two_at_once_are_understood(url: str) -> None:
    body = _protobuf([b"x" * 100_000])
    head = b"POST /loki/api/v1/push HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    host, _, port = urlsplit(url).netloc.partition(":")
    with socket.create_connection((host, int(port))) as connection:
        for piece in (head[:30], head[30:] + body[:10], body[10:] + head + body):
            connection.sendall(piece)
            time.sleep(0.01)
        replies = b""
        while replies.count(b"204") < 2:
            replies += connection.recv(1000)
    assert ask(url, "seen")["pushes"] == 2
    got = arrived(url)
    assert (got.entries, got.bytes, got.wire) == (2, 200_000, 2 * len(body))


def test_a_client_that_waits_for_leave_to_send_gets_it_once(url: str) -> None:
    body = _protobuf([b"line"])
    host, _, port = urlsplit(url).netloc.partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body),
        )
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body[:3])
        connection.sendall(body[3:])
        assert connection.recv(100) == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert arrived(url).entries == 1


def test_waits_are_from_the_moment_in_the_line_to_the_reply() -> None:
    lines = [b"a w=%d" % moment for moment in (1_000_000, 2_000_000, 9_000_000)]
    found = counted([(Push(size=5, began=9_500_000, ended=10_000_000), _protobuf([*lines, b"no w=time", b""]))])
    assert Arrived(**found) == Arrived(  # type: ignore[arg-type]
        entries=5,
        bytes=sum(map(len, lines)) + 9,
        checksum=checksum_of([*lines, b"no w=time"]),
        pushes=1,
        wire=5,
        parts=1,
        last=0.01,
        push_ms={"p50": 0.5, "p99": 0.5, "max": 0.5},
        wait_ms={"p50": 8.0, "p99": 9.0, "max": 9.0},
        timed=3,
    )


def test_only_a_number_at_the_end_is_a_moment() -> None:
    assert list(written_at([b"x w=17", b"w=17", b" w=1 w=2", b"x w=17 ", b"x w=", b""])) == [17, 2]


@given(st.lists(st.integers(), min_size=1), st.sampled_from([0.01, 0.5, 0.99, 1.0]))
def test_a_percentile_is_the_least_that_covers_its_share(values: list[int], share: float) -> None:
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert sum(value <= found for value in ordered) >= share * len(ordered)
    assert sum(value < found for value in ordered) < share * len(ordered)
