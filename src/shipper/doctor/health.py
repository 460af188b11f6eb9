"""What the agent says of itself at `/-/ready`: the failures that keep logs from getting through right now.

Rule 1: an agent that does not tell is no finding: its page may be off, or in a network of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from shipper.config.model import Loki
from shipper.delivery.client import Client, NoReply, Reply
from shipper.doctor.amounts import SECOND
from shipper.doctor.hop import Finding, Hop, hop, untried

READY: Final = "/-/ready"
ANYWHERE: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - what is asked, not listened on
"""Addresses that mean every interface, and the one to ask."""


class Told(msgspec.Struct, frozen=True):
    """A failure, as the agent tells it."""

    name: str
    source: str = ""
    detail: str = ""
    hint: str = ""


class Readiness(msgspec.Struct, frozen=True):
    """The answer."""

    ready: bool
    not_ready: list[Told] = []


async def health_hop(listen: str, patience: float, *, running: bool | None) -> Hop:
    """Ask the agent that runs here."""
    if not running:
        return untried("health", "no agent runs" if running is False else "whether an agent runs cannot be seen")
    if not listen:
        return untried("health", 'the agent\'s page is off (listen = "")')
    host, _, port = listen.rpartition(":")
    place = f"{ANYWHERE.get(host, host)}:{port}"
    client = Client(Loki(url=f"http://{place}", timeout=round(patience * SECOND)))
    try:
        return _judge(await client.get(READY, "", {}), place)
    finally:
        await client.aclose()


def _judge(answer: Reply | NoReply, place: str) -> Hop:
    if isinstance(answer, NoReply):
        return untried("health", f"the agent's page at {place} does not answer ({answer.detail})")
    try:
        told = msgspec.json.decode(answer.body, type=Readiness)
    except msgspec.DecodeError:
        return untried("health", f"{place}{READY} does not tell ({answer.status})")
    if told.ready:
        return hop("health", f"the agent says at {place} that logs get through")
    return hop("health", f"the agent says at {place} that logs do not get through", _findings(told.not_ready))


def _findings(failures: list[Told]) -> Iterator[Finding]:
    for failure in failures:
        where = f" (source {failure.source})" if failure.source else ""
        detail = f": {failure.detail}" if failure.detail else ""
        yield Finding(what=f"{failure.name}{where}{detail}", cure=failure.hint, broken=failure.name != "starting")
