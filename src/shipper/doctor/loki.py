"""What answers at Loki's URL: is it Loki, is it ready, which version, does it take our tenant and credentials, what are
its limits, and is its clock ours.

Rule 1: a gateway may hide /ready, the version and the limits: that alone is no finding; whether lines get through is
        the canary's matter.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import orjson

from shipper.config.model import Config, Loki
from shipper.config.urls import query_url, shown_url
from shipper.delivery.client import Client, NoReply, Reply
from shipper.doctor.amounts import SECOND, ago
from shipper.doctor.hop import Finding, Hop, hop, untried
from shipper.doctor.limits import Limits, collisions, read_limits, shown
from shipper.doctor.reach import reach, speaks_tls
from shipper.doctor.replies import is_page, no_reply, refusal, wants_tls, words_of

CLOCK_DOUBT: Final = 30 * SECOND
CLOCK_BROKEN: Final = 600 * SECOND
"""Further ahead, Loki refuses what has the time of its reading (creation_grace_period)."""
Answer = Reply | NoReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """The hops, and what sources need to know of them."""

    hops: tuple[Hop, ...]
    reachable: bool
    """Whether something answers that may be Loki: worth a canary."""
    limits: Limits | None


async def examine_loki(config: Config, patience: float, wall: Callable[[], int] = time.time_ns) -> Examined:
    """All hops to Loki, and to where queries go if that is another place."""
    loki = hasty(config.loki, patience)
    hops = await reach(loki, loki.url, "loki.url", patience)
    if any(one.findings for one in hops):
        late = [untried(name, "there is no connection") for name in ("ready", "version", "access", "limits", "clock")]
        return Examined(hops=(*hops, *late), reachable=False, limits=None)
    client = Client(msgspec.structs.replace(loki, query_url=None))
    reader = Client(loki) if loki.query_url else client
    try:
        answers = await _ask(client, loki)
        if loki.query_url:
            hops += [
                replace(one, name=f"query {one.name}")
                for one in await reach(loki, loki.query_url, "loki.query_url", patience)
            ]
        access = await reader.get("labels", loki.tenant or "", {})
        lost = isinstance(access, Reply) and access.status == 404 and not loki.query_url
        root = await _answers_at_root(loki) if lost else ""
    finally:
        await client.aclose()
        await reader.aclose()
    ready = await _ready(answers["/ready"], loki, patience)
    limits = _limits(answers["/config"])
    hops += [
        ready,
        _version(answers["status/buildinfo"]),
        _access(access, loki, root),
        _limits_hop(answers["/config"], limits, config),
        _clock(answers.values(), wall()),
    ]
    return Examined(hops=tuple(hops), reachable=not _silent(answers), limits=limits)


def hasty(loki: Loki, patience: float) -> Loki:
    """The same Loki, asked by somebody who waits."""
    return msgspec.structs.replace(loki, timeout=min(loki.timeout, round(patience * SECOND)))


async def _ask(client: Client, loki: Loki) -> dict[str, Answer]:
    """All endpoints at once."""
    endpoints = ("/ready", "status/buildinfo", "/config")
    replies = await asyncio.gather(*(client.get(endpoint, loki.tenant or "", {}) for endpoint in endpoints))
    return dict(zip(endpoints, replies, strict=True))


def _silent(answers: dict[str, Answer]) -> bool:
    """Whether nothing was answered, so that a push would tell nothing new."""
    return all(isinstance(answer, NoReply) for answer in answers.values())


async def _answers_at_root(loki: Loki) -> str:
    """The URL without its path, if Loki is there and not below the path; else ""."""
    parts = urlsplit(loki.url)
    if not parts.path.strip("/"):
        return ""
    root = f"{parts.scheme}://{parts.netloc}"
    client = Client(msgspec.structs.replace(loki, url=root, query_url=None))
    try:
        answer = await client.get("/ready", loki.tenant or "", {})
    finally:
        await client.aclose()
    return shown_url(root) if isinstance(answer, Reply) and answer.body.strip() == b"ready" else ""


async def _ready(answer: Answer, loki: Loki, patience: float) -> Hop:
    if isinstance(answer, NoReply):
        if loki.url.startswith("http://") and not loki.proxy_url and await speaks_tls(loki.url, patience):
            return hop("ready", "no answer", [wants_tls(loki.url, "loki.url")])
        return hop("ready", "no answer", [no_reply(answer)])
    saw = f"/ready says {answer.status}: {words_of(answer)}"
    if answer.status == 200 and not is_page(answer):
        return hop("ready", saw)
    if answer.status == 503 and not is_page(answer):
        return hop("ready", saw, [_not_ready(words_of(answer))])
    if answer.status == 404 and not is_page(answer):
        return hop("ready", f"{saw} (a gateway may hide it)")
    return hop("ready", saw, [refusal(answer, loki, loki.url, "loki.url")])


def _not_ready(words: str) -> Finding:
    what = f"Loki is there and not ready: {words}"
    cure = "wait a minute after its start; if it stays so, look at its log and its disk (docker logs loki)"
    return Finding(what=what, cure=f"{cure}. Nothing is lost, the agent waits", broken=True)


def _version(answer: Answer) -> Hop:
    document = _document(answer)
    version = document.get("version") if isinstance(document, dict) else None
    if isinstance(answer, Reply) and version:
        stand_in = f" ({answer.headers['x-devloki']})" if "x-devloki" in answer.headers else ""
        old = int(str(version).partition(".")[0]) < 3 if str(version)[:1].isdigit() else False
        return hop("version", f"Loki {version}{stand_in}{', takes no structured metadata' if old else ''}")
    status = answer.status if isinstance(answer, Reply) else "no answer"
    return untried("version", f"it does not tell ({status} at /loki/api/v1/status/buildinfo)")


def _access(answer: Answer, loki: Loki, root: str) -> Hop:
    """Reading with the tenant and the credentials; whether writing is allowed the canary finds out."""
    who = f"tenant {loki.tenant!r}" if loki.tenant else "no tenant"
    login = (
        f"user {loki.basic_auth.username!r}" if loki.basic_auth else "a token" if loki.bearer_token_file else "no login"
    )
    saw = f"{who}, {login}"
    url, key = (loki.query_url, "loki.query_url") if loki.query_url else (loki.url, "loki.url")
    if isinstance(answer, NoReply):
        return hop("access", saw, [no_reply(answer)])
    document = _document(answer)
    if answer.status == 200 and isinstance(document, dict):
        return hop("access", f"{saw}: may read{_others(document)}", _empty_tenant(document, loki))
    finding = refusal(answer, loki, url, key)
    return hop(
        "access", saw, [replace(finding, cure=f'Loki is at the root: url = "{root}" in [loki]') if root else finding]
    )


def _others(document: dict[str, Any]) -> str:
    names = document.get("data") or []
    return f", {len(names)} label names in the last hours" if names else ", nothing is stored yet"


def _empty_tenant(document: dict[str, Any], loki: Loki) -> Iterator[Finding]:
    """Loki makes every tenant it hears of: a wrong name is an empty place."""
    if loki.tenant and not document.get("data"):
        what = f"tenant {loki.tenant!r} is empty so far; Loki takes any name, so a wrong one is no error"
        cure = (
            "compare it with the X-Scope-OrgID header of Grafana's data source; correct tenant in [loki] if they differ"
        )
        yield Finding(what=what, cure=cure)


def _limits(answer: Answer) -> Limits | None:
    return (
        read_limits(answer.body.decode("utf-8", "replace"))
        if isinstance(answer, Reply) and answer.status == 200
        else None
    )


def _limits_hop(answer: Answer, limits: Limits | None, config: Config) -> Hop:
    if limits is None:
        status = answer.status if isinstance(answer, Reply) else "no answer"
        return untried("limits", f"it does not tell ({status} at /config); the defaults are assumed")
    return hop("limits", shown(limits), collisions(limits, config))


def _clock(answers: Any, now: int) -> Hop:
    dates = [answer.headers["date"] for answer in answers if isinstance(answer, Reply) and "date" in answer.headers]
    try:
        theirs = round(parsedate_to_datetime(dates[0]).timestamp()) * SECOND
    except (IndexError, ValueError):
        return untried("clock", "no answer says what time it is there")
    ahead = now - theirs
    if abs(ahead) < CLOCK_DOUBT:
        return hop("clock", "that of this machine and Loki's agree")
    side = "ahead of" if ahead > 0 else "behind"
    what = f"this machine's clock is {ago(ahead)} {side} Loki's: lines get times that Loki refuses or nobody looks at"
    cure = "set the clock of the machine that is wrong (timedatectl set-ntp true)"
    return hop("clock", f"{ago(ahead)} apart", [Finding(what=what, cure=cure, broken=abs(ahead) >= CLOCK_BROKEN)])


def _document(answer: Answer) -> Any:
    try:
        return orjson.loads(answer.body) if isinstance(answer, Reply) and answer.status == 200 else None
    except orjson.JSONDecodeError:
        return None


def flush_url(loki: Loki) -> str:
    """Where this Loki is told to flush, to be shown."""
    return shown_url(query_url(msgspec.structs.replace(loki, query_url=None), "/flush"))


def title_of(loki: Loki) -> str:
    """Loki's URL, without secrets."""
    return shown_url(loki.url)
