"""The stand-in as a server: on a real socket, in this loop or in a thread."""

import asyncio
import signal
import socket
import threading

import httpx
import orjson
import pytest
import snappy

from shipper.devloki.server import Receiver, serve
from shipper.errors import ListenError

JOB = '{job="a"}'
HEADERS = {"content-type": "application/x-protobuf"}


@pytest.fixture
def pushed(encoded):
    def encode(receiver: Receiver, line: str) -> bytes:
        return snappy.compress(encoded([(JOB, [(receiver.instance.clock(), line)])]))

    return encode


def push(receiver: Receiver, content: bytes) -> httpx.Response:
    return httpx.post(f"{receiver.url}/loki/api/v1/push", content=content, headers=HEADERS, trust_env=False)


def lines(receiver: Receiver) -> list[str]:
    parameters = {"query": JOB, "end": receiver.instance.clock() + 1}
    reply = httpx.get(f"{receiver.url}/loki/api/v1/query_range", params=parameters, trust_env=False)
    return [line for stream in reply.json()["data"]["result"] for _, line in stream["values"]]


def test_it_serves_from_a_thread_and_stops(pushed):
    with serve(version="2.9") as receiver:
        assert push(receiver, pushed(receiver, "x")).status_code == 204
        assert lines(receiver) == ["x"]
        url = receiver.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)
    assert "devloki" not in {thread.name for thread in threading.enumerate()}


def test_it_serves_in_this_event_loop():
    async def ask() -> str:
        async with Receiver() as receiver, httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(f"{receiver.url}/ready")).text

    assert asyncio.run(ask()) == "ready\n"


def test_it_takes_no_signals():
    async def handlers() -> tuple:
        before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        async with Receiver():
            return before, (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))

    before, while_serving = asyncio.run(handlers())
    assert while_serving == before


@pytest.mark.parametrize(("reset", "stored"), [("before_store", []), ("after_store", ["x"])])
def test_a_reset_cuts_the_connection_without_a_reply(pushed, reset, stored):
    with serve() as receiver:
        receiver.fault(reset=reset, match={"labels_contain": 'job="a"'})
        with pytest.raises(httpx.ReadError):
            push(receiver, pushed(receiver, "x"))
        assert lines(receiver) == stored
        assert receiver.books.statuses == {0: 1, 200: 1}


def test_a_late_push_is_stored_although_the_client_has_gone(pushed):
    with serve() as receiver:
        receiver.fault(delay=0.2)
        content = pushed(receiver, "late")
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                f"{receiver.url}/loki/api/v1/push", content=content, headers=HEADERS, timeout=0.05, trust_env=False
            )
        receiver.fault(delay=0.3)  # asked later and held longer: by then the first is through
        assert push(receiver, pushed(receiver, "after")).status_code == 204
        assert sorted(lines(receiver)) == ["after", "late"]


def test_faults_can_be_cleared(pushed):
    with serve() as receiver:
        receiver.fault(status=500, count=None)
        assert push(receiver, pushed(receiver, "x")).status_code == 500
        receiver.clear_faults()
        assert push(receiver, pushed(receiver, "x")).status_code == 204


def test_a_tail_tells_what_was_there_and_what_comes_and_ends_with_the_server(pushed):
    with serve(version="2.9") as receiver:
        push(receiver, pushed(receiver, "before"))
        told = []
        with httpx.stream("GET", f"{receiver.url}/loki/api/v1/tail", params={"query": JOB}, trust_env=False) as tail:
            incoming = tail.iter_lines()
            told.append(orjson.loads(next(incoming)))
            push(receiver, pushed(receiver, "then"))
            told.append(orjson.loads(next(incoming)))
            receiver.instance.close()
            assert list(incoming) == []
    assert [[line for _, line in message["streams"][0]["values"]] for message in told] == [["before"], ["then"]]
    assert [message["dropped_entries"] for message in told] == [[], []]


def test_a_taken_port_is_an_error_with_a_hint():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError) as error, serve(port=port):
            pass
    assert str(error.value) == (
        f"devloki cannot listen on 127.0.0.1:{port}: Address already in use. "
        "Stop what listens there, or give another address with --listen; port 0 takes a free one"
    )


def test_a_url_of_an_ipv6_address_has_brackets():
    assert Receiver("::1", 3100).url == "http://[::1]:3100"
