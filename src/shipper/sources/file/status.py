"""Generations as they are shown to a person."""

from __future__ import annotations

from dataclasses import dataclass

from shipper.sources.file.paths import label
from shipper.sources.file.tail import Tail
from shipper.sources.step import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStatus:
    """One generation, for a person."""

    path: str
    seen_at: str
    generation: int
    size: int
    offset: int
    open: bool
    rotated: bool
    deleted: bool


def status_of(tail: Tail) -> FileStatus:
    """How it is with a generation, in detail."""
    return FileStatus(
        path=label(tail.lane.path),
        seen_at=label(tail.seen_at),
        generation=tail.origin.generation,
        size=tail.size,
        offset=tail.offset,
        open=tail.content is not None,
        rotated=tail.rotated_at is not None,
        deleted=tail.deleted,
    )


def unit_of(tail: Tail) -> Unit:
    """A generation beside the units of other kinds of sources."""
    path, seen_at = label(tail.lane.path), label(tail.seen_at)
    return Unit(
        path=path,
        generation=tail.origin.generation,
        state=_state(tail),
        size=tail.size,
        offset=tail.offset,
        latest=tail.changed,
        detail=f"now at {seen_at}" if seen_at != path else "",
    )


def _state(tail: Tail) -> str:
    if tail.finished:
        return "finished"
    if tail.deleted:
        return "deleted"
    if tail.absent:
        return "missing"
    return "tailing" if tail.rotated_at is None else "rotated"
