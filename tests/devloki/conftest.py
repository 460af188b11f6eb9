"""A stand-in without a server, and what is pushed to it: `start(...)` gives a `Loki` whose clock stands still."""

import asyncio
from collections.abc import Callable, Sequence

import httpx
import pytest
import snappy

from shipper.devloki.app import create_app
from shipper.devloki.push_proto import PushRequest

NOW = 1_795_169_315_832_392_235
SECOND = 1_000_000_000

# A stream to push: labels and its entries, each (time, line) or (time, line, metadata).
Pushed = tuple[str, Sequence[tuple]]


def encode(streams: Sequence[Pushed]) -> bytes:
    request = PushRequest()
    for labels, entries in streams:
        stream = request.streams.add(labels=labels.encode())
        for time, line, *metadata in entries:
            entry = stream.entries.add(line=line if isinstance(line, bytes) else line.encode())
            entry.timestamp.seconds, entry.timestamp.nanos = divmod(time, SECOND)
            for name, value in metadata[0] if metadata else ():
                entry.structuredMetadata.add(name=name.encode(), value=value.encode())
    return request.SerializeToString()


class Loki:
    """The application under test, asked like a server, with a clock that moves only by `sleep`."""

    def __init__(self, **options: object) -> None:
        self.now = NOW
        self.app = create_app(clock=lambda: self.now, **options)

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)

    def request(self, method: str, path: str, **what: object) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://loki") as client:
                return await client.request(method, path, **what)

        return asyncio.run(ask())

    def get(self, path: str, **parameters: object) -> httpx.Response:
        return self.request("GET", path, params=parameters)

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        content_type = {"content-type": "application/x-protobuf"}
        return self.request("POST", "/loki/api/v1/push", content=body, headers=content_type | (headers or {}))

    def push(self, *streams: Pushed, tenant: str | None = None) -> tuple[int, str]:
        headers = {"x-scope-orgid": tenant} if tenant else {}
        reply = self.post(snappy.compress(encode(streams)), headers)
        return reply.status_code, reply.text

    def streams(self, query: str, **parameters: object) -> list[tuple[dict[str, str], list[tuple[int, str]]]]:
        """A log query's answer over all times, oldest first: labels and (time, line)."""
        wide = {"start": 0, "end": self.now + 86_400 * SECOND, "limit": 5000, "direction": "forward"}
        reply = self.get("/loki/api/v1/query_range", query=query, **(wide | parameters))
        assert reply.status_code == 200, reply.text
        return [
            (stream["stream"], [(int(time), line) for time, line in stream["values"]])
            for stream in reply.json()["data"]["result"]
        ]

    def entries(self, query: str, **parameters: object) -> list[tuple[int, str]]:
        """All (time, line) of a log query's answer, by time."""
        return sorted(entry for _, values in self.streams(query, **parameters) for entry in values)

    def lines(self, query: str, **parameters: object) -> list[str]:
        return [line for _, line in self.entries(query, **parameters)]

    def vector(self, query: str, **parameters: object) -> list[tuple[dict[str, str], str]]:
        """A metric query's answer now: labels and the number."""
        reply = self.get("/loki/api/v1/query", query=query, **({"time": self.now} | parameters))
        assert reply.status_code == 200, reply.text
        return [(item["metric"], item["value"][1]) for item in reply.json()["data"]["result"]]

    def stats(self) -> dict:
        return self.get("/devloki/stats").json()


@pytest.fixture
def start() -> Callable[..., Loki]:
    """Start a stand-in; the arguments are those of `create_app`."""
    return Loki


@pytest.fixture
def loki() -> Loki:
    """The default stand-in: 3.4, limits on."""
    return Loki()


@pytest.fixture(params=["2.9", "3.4"])
def either(request: pytest.FixtureRequest) -> Loki:
    """The stand-in as either release; without sharding, which 2.9 does not know."""
    return Loki(version=request.param, sharding=False)


@pytest.fixture
def encoded() -> Callable[[Sequence[Pushed]], bytes]:
    """A push as an uncompressed protobuf message."""
    return encode
