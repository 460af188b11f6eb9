"""Asks Loki what it has and compares it with what was written: sets of lines, never counts alone.

Rule 1: a log query shows an entry that was stored twice only once, so copies are found by `count_over_time` too.
Rule 2: entries are compared by their physical lines; which lines were joined to one entry does not matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from shipper.demo.record import Line
from shipper.demo.writer import Tally

PAGE = 5000
"""Entries per query: Loki's default limit."""
SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Stored:
    """One entry as a log query shows it."""

    timestamp: int
    stream: str
    """The labels that tell its stream from others."""
    level: str
    text: str

    def lines(self) -> Iterator[Line]:
        """The physical lines in it."""
        for text in self.text.split("\n"):
            yield Line(text, self.level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one service's lines."""

    service: str
    written: int
    stored: int
    missing: int
    duplicated: int
    """Copies of written lines beyond those written, seen in log queries or only by `count_over_time`."""
    invented: int
    """Lines stored that nobody wrote."""
    mislabelled: int
    """Lines stored under another level than their own."""
    out_of_order: int
    """Entries of a stream that stand behind one written later."""
    rotations: int
    examples: tuple[str, ...] = ()
    """A few of the lines that are wrong, and how."""

    @property
    def proven(self) -> bool:
        """Everything is there, once, unchanged, in order and under its labels."""
        return not (self.missing or self.duplicated or self.invented or self.mislabelled or self.out_of_order)


class Loki:
    """The queries the proof needs."""

    def __init__(self, url: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=60, transport=transport)

    def entries(self, selector: str, start: int, end: int) -> list[Stored]:
        """All entries of the streams `selector` names with start <= timestamp < end, oldest first."""
        found: list[Stored] = []
        while True:
            page = self._page(selector, start, end)
            if len(page) < PAGE:
                return found + page
            last = page[-1].timestamp
            kept = [entry for entry in page if entry.timestamp < last]
            if not kept:
                raise ValueError(f"more than {PAGE} entries at {last} ns; they cannot be paged")
            found += kept
            start = last

    def count(self, selector: str, start: int, end: int) -> int:
        """How many entries there are by `count_over_time`, copies included."""
        window = -(-(end - start) // SECOND)
        query = f"sum(count_over_time({selector}[{window}s]))"
        data = self._get("query", {"query": query, "time": str(end)})
        return sum(int(float(sample["value"][1])) for sample in data["result"])

    def stats(self) -> dict[str, Any]:
        """What the embedded receiver counts."""
        answer: dict[str, Any] = self._client.get("/devloki/stats").raise_for_status().json()
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _page(self, selector: str, start: int, end: int) -> list[Stored]:
        parameters = {"query": selector, "start": str(start), "end": str(end), "direction": "forward"}
        data = self._get("query_range", {**parameters, "limit": str(PAGE)})
        return sorted(_entries(data["result"]), key=lambda entry: entry.timestamp)

    def _get(self, endpoint: str, parameters: dict[str, str]) -> dict[str, Any]:
        reply = self._client.get(f"/loki/api/v1/{endpoint}", params=parameters).raise_for_status()
        data: dict[str, Any] = reply.json()["data"]
        return data


def _entries(result: Iterable[dict[str, Any]]) -> Iterator[Stored]:
    for series in result:
        labels = series["stream"]
        stream = f"{labels.get('filename', '')}|{labels.get('level', '')}"
        for timestamp, text in series["values"]:
            yield Stored(int(timestamp), stream, labels.get("level", ""), text)


def compare(service: str, tally: Tally, stored: Sequence[Stored], counted: int) -> Verdict:
    """The verdict on one service; `counted` is `count_over_time` of the same entries."""
    lines = Counter(line for entry in stored for line in entry.lines())
    written, found = _by_text(tally.lines), _by_text(lines)
    missing = written - found
    copies = found - written
    invented = Counter({text: count for text, count in copies.items() if text not in written})
    duplicated = copies - invented
    right = (tally.lines & lines).total()
    disordered = _out_of_order(tally, stored)
    return Verdict(
        service=service,
        written=tally.written,
        stored=lines.total(),
        missing=missing.total(),
        duplicated=duplicated.total() + max(0, counted - len(stored)),
        invented=invented.total(),
        mislabelled=(written & found).total() - right,
        out_of_order=disordered.total(),
        rotations=tally.rotations,
        examples=_examples(missing=missing, duplicated=duplicated, invented=invented, **{"out of order": disordered}),
    )


def _by_text(lines: Counter[Line]) -> Counter[str]:
    texts: Counter[str] = Counter()
    for line, count in lines.items():
        texts[line.text] += count
    return texts


def _out_of_order(tally: Tally, stored: Iterable[Stored]) -> Counter[str]:
    """Entries that stand behind one of their stream that was written later; equal lines have no order."""
    reached: dict[str, int] = {}
    wrong: Counter[str] = Counter()
    for entry in stored:
        head = next(entry.lines())
        if tally.lines[head] != 1:
            continue
        place = tally.order[head]
        wrong[head.text] += place < reached.get(entry.stream, -1)
        reached[entry.stream] = max(place, reached.get(entry.stream, -1))
    return wrong


def _examples(**found: Counter[str]) -> tuple[str, ...]:
    return tuple(f"{kind}: {text}" for kind, texts in found.items() for text, _ in texts.most_common(3) if texts[text])
