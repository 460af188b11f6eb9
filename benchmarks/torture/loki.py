"""What Loki has: every entry of a selector, and what `count_over_time` says of the same.

Rule 1: only public endpoints that every Loki answers, so the stand-in and a real server are asked the same.
Rule 2: a query spans at most four weeks (Loki answers none over 721 hours) and pages by time.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from benchmarks.torture.agent import ENVIRONMENT

DAY = 86_400 * 10**9
HOUR = 3600 * 10**9
PAGE = 5000
OWN = ("service_name", "detected_level", "__stream_shard__")
"""Labels that Loki gives streams by itself."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as a log query answers it."""

    timestamp: int
    text: str
    labels: Mapping[str, str] = field(hash=False)


class Loki:
    """A Loki, or its stand-in, as a reader sees it."""

    def __init__(self, url: str, tenant: str = "") -> None:
        self.url = url.rstrip("/")
        self._headers = {"X-Scope-OrgID": tenant} if tenant else {}

    def as_tenant(self, tenant: str) -> Loki:
        """The same server for another tenant."""
        return Loki(self.url, tenant)

    def flush(self) -> None:
        """Have the ingesters write down what they hold: old entries are found by queries only then."""
        self.request("POST", "/flush")

    def entries(self, selector: str, *, days: float = 1) -> list[Entry]:
        """Every entry of the last `days` and the next two hours, by time; a copy as often as Loki shows it."""
        now = time.time_ns() + 2 * HOUR
        starts = range(now - int(days * DAY) - 2 * HOUR, now, 28 * DAY)
        return [entry for start in starts for entry in self._window(selector, start, min(start + 28 * DAY, now))]

    def lines(self, selector: str, *, days: float = 1) -> list[str]:
        """The texts of these entries."""
        return [entry.text for entry in self.entries(selector, days=days)]

    def count(self, selector: str, *, days: float = 1) -> int:
        """How many entries there are by `count_over_time`, copies that log queries hide included."""
        hours = int(days * 24) + 4
        data = self._get(
            "query", query=f"sum(count_over_time({selector}[{hours}h]))", time=str(time.time_ns() + 2 * HOUR)
        )
        return sum(int(float(sample["value"][1])) for sample in data["result"])

    def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """One request; status and body."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        try:
            connection.request(method, f"{parts.path}{path}", body or None, dict(self._headers))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _window(self, selector: str, start: int, end: int) -> list[Entry]:
        found: list[Entry] = []
        while True:
            page = self._page(selector, start, end)
            if len(page) < PAGE:
                return found + page
            last = page[-1].timestamp
            kept = [entry for entry in page if entry.timestamp < last]
            assert kept, f"more than {PAGE} entries at {last} ns: they cannot be paged"
            found += kept
            start = last

    def _page(self, selector: str, start: int, end: int) -> list[Entry]:
        data = self._get(
            "query_range", query=selector, start=str(start), end=str(end), limit=str(PAGE), direction="forward"
        )
        return sorted(_entries(data["result"]), key=lambda entry: entry.timestamp)

    def _get(self, endpoint: str, **parameters: str) -> dict[str, Any]:
        status, body = self.request("GET", f"/loki/api/v1/{endpoint}?{urlencode(parameters)}")
        if status != 200:
            raise ConnectionError(f"{endpoint} was answered {status}: {body[:300].decode(errors='replace')}")
        data: dict[str, Any] = orjson.loads(body)["data"]
        return data


def _entries(result: Sequence[Mapping[str, Any]]) -> Iterator[Entry]:
    for stream in result:
        labels = {name: value for name, value in stream["stream"].items() if name not in OWN}
        for value in stream["values"]:
            yield Entry(int(value[0]), value[1], labels)


@contextmanager
def embedded(*, limits: str = "off", version: str = "3.4") -> Iterator[str]:
    """The embedded receiver as a process on a free port; gives its URL."""
    command = [sys.executable, "-m", "benchmarks.torture.stand_in", version, limits]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0, env=ENVIRONMENT) as running:
        try:
            assert running.stdout is not None
            found = re.search(r"http://\S+", running.stdout.readline())
            assert found, "the receiver did not start"
            yield found[0]
        finally:
            running.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(10)
            running.kill()
