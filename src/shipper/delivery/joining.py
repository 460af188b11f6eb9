"""Pushes on their way into the queue, made fewer: one that waits there with one stream takes in what follows of it.

A stream that goes alone (streams.py) would else have a push in each batch that is planned until its first one is
accepted: a thousand new streams made four thousand pushes.

Rule 1: only a push that nothing was done with yet takes in another, and only one of which the same is true.
Rule 2: it takes in nothing past a push behind it that shares the stream: what is sent first of a stream is the oldest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shipper.delivery.batch import Push
from shipper.delivery.streams import Key


def joined(queue: Sequence[Push], pushes: Iterable[Push], limit: int) -> list[Push]:
    """Those of `pushes` that are to stand behind the queue; the others are in pushes of `limit` bytes at most there."""
    alone: dict[Key, Push] = {}
    for push in queue:
        _enter(push, alone)
    behind: list[Push] = []
    for push in pushes:
        earlier = alone.get(_keys(push)[0]) if len(push.streams) == 1 and push.untouched else None
        if earlier is None or not earlier.take_in(push, limit):
            behind.append(push)
            _enter(push, alone)
    return behind


def _enter(push: Push, alone: dict[Key, Push]) -> None:
    """Keep in `alone` the pushes that may take in more."""
    if len(push.streams) == 1 and push.untouched:
        alone[_keys(push)[0]] = push
    elif alone:
        for key in _keys(push):
            alone.pop(key, None)


def _keys(push: Push) -> list[Key]:
    return [(push.tenant, labels) for labels in push.streams]
