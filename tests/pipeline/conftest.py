"""Chunks, configurations and readable outcomes for the tests of pipelines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from shipper.chunk import Chunk, Fingerprint, Lane, Origin, Processed, Span
from shipper.config.model import ResolvedSource
from shipper.delivery.wire import decode_entries

SAMPLES = Path(__file__).parents[1] / "samples"
CLOCK = 1_770_800_000_000_000_000
"""2026-02-11T08:53:20Z: after all times in the samples, within a year of them."""


class Seen(NamedTuple):
    """One entry of an outcome, as a person would read it."""

    where: int
    timestamp: int
    labels: str
    line: bytes
    metadata: tuple[tuple[str, str], ...] = ()


def chunk_of(
    lines: Sequence[bytes],
    *,
    clock: int = CLOCK,
    path: str = "/logs/app.log",
    start: int = 0,
    generation: int = 1,
    after_eof: bool = False,
    demoted: tuple[str, ...] = (),
    fallbacks: dict[str, int] | None = None,
    times: Sequence[int] | None = None,
    facts: tuple[tuple[str, str], ...] = (),
) -> Chunk:
    """A chunk of these lines, as framing makes it."""
    lengths = list(map(len, lines))
    origin = Origin(source="test", generation=generation, path=path, facts=facts, lasting=not facts)
    span = Span(
        origin=origin,
        start=start,
        end=start + sum(lengths) + len(lines),
        clock=clock,
        after_eof=after_eof,
        hit_eof=True,
        fingerprint=Fingerprint(),
        demoted=demoted,
    )
    return Chunk(
        span=span,
        lane=Lane("test", path),
        lines=list(lines),
        lengths=lengths,
        surplus={},
        plain=all(map(bytes.strip, lines)),
        times=None if times is None else list(times),
        fallbacks=fallbacks or {},
    )


def resolved_of(*stages: Any, **changes: Any) -> ResolvedSource:
    """A source with these stages and neither labels nor limits on age, changed as asked."""
    defaults: dict[str, Any] = {
        "name": "test",
        "type": "file",
        "labels": {},
        "filename_label": False,
        "max_age": 0,
        "max_ahead": 0,
    }
    return ResolvedSource(**(defaults | changes), stages=stages)


def entries_of(processed: Processed) -> list[Seen]:
    """All entries of an outcome, in the order of their lines."""
    return sorted(
        Seen(where, entry.timestamp, part.labels, entry.line, tuple(entry.metadata))
        for part in processed.parts
        for where, entry in zip(part.where, decode_entries(bytes(part.body)), strict=True)
    )


def framed(content: bytes) -> list[bytes]:
    """Lines as framing makes them of the samples: CR at the end stripped, of redraws the last state, prefix kept."""
    return [_line(raw) for raw in content.split(b"\n")[:-1]]


def _line(raw: bytes) -> bytes:
    prefix, *redraws = raw.removesuffix(b"\r").split(b"\r")
    states = [state for state in redraws if state.strip()]
    if not states:
        return prefix
    return (prefix if prefix.endswith(b" ") else b"") + states[-1]


@pytest.fixture(scope="session")
def make_chunk() -> Callable[..., Chunk]:
    return chunk_of


@pytest.fixture(scope="session")
def make_resolved() -> Callable[..., ResolvedSource]:
    return resolved_of


@pytest.fixture(scope="session")
def seen() -> Callable[[Processed], list[Seen]]:
    return entries_of


@pytest.fixture(scope="session")
def sample() -> Callable[[str], list[bytes]]:
    return lambda name: framed((SAMPLES / name).read_bytes())


@pytest.fixture(scope="session")
def clock() -> int:
    return CLOCK
