"""Of one source: the newest line in the file against the newest one in Loki.

Rule 1: Loki is asked for the labels that all streams of the source share, from a day before the newest line's time on.
Rule 2: a line without a time of its own gets that of the line before it, or the clock's: how late its entry may be is
        known, not how late it is. What Loki has in between is enough where the journal says that all was delivered.
Rule 3: entries that are older than `HIDDEN` and not yet flushed are not found by queries; they are no loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shipper.config.model import Loki, ResolvedSource, Tenant
from shipper.delivery.client import Client
from shipper.delivery.verify import Refused, Unanswered, entries_of
from shipper.delivery.wire import format_labels, parse_labels
from shipper.doctor.amounts import SECOND, ago
from shipper.doctor.hop import Finding, Hop, hop, untried
from shipper.doctor.host import AS_AGENT
from shipper.pipeline.window import written
from shipper.preview.survey import Survey

DAY: Final = 24 * 3600 * SECOND
HIDDEN: Final = int(2.5 * 3600) * SECOND
"""Measured: entries 2.5 hours old are found before they are flushed, older than 2.6 are not."""
SLACK: Final = 30 * SECOND
"""So far behind Loki may be while all is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What else is known of the source."""

    running: bool | None
    """Whether an agent runs; None: it cannot be seen."""
    behind: int
    """Bytes it has not settled."""
    known: bool
    """Whether the journal could be read."""
    flush: str
    """Where Loki is told to flush."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The source's newest line."""

    written: int
    """When it was written: by itself, else by its file; ns."""
    earliest: int
    """The earliest time that its entry may have, ns."""


async def arrival_hop(loki: Loki, resolved: ResolvedSource, survey: Survey, facts: Facts, now: int) -> Hop:
    """Ask Loki for the source's newest entry."""
    if not survey.streams:
        return untried("arrival", "the source has no streams to ask for")
    if any(isinstance(stage, Tenant) for stage in resolved.stages):
        return untried("arrival", "the pipeline chooses a tenant for each line")
    selector, newest = selector_of(survey), newest_of(survey, now)
    client = Client(loki)
    try:
        reply = await client.get("query_range", loki.tenant or "", _question(selector, newest.earliest, now))
        entries = entries_of(reply)
    except (Refused, Unanswered) as error:
        return untried("arrival", f"the query was not answered: {error.message}")
    finally:
        await client.aclose()
    there = max((timestamp for timestamp, _ in entries), default=0)
    return judge(selector, newest, there, facts, now)


def selector_of(survey: Survey) -> str:
    """The labels that all streams share; those of the largest one if they share none."""
    sets = [parse_labels(labels) for labels, _ in survey.streams.most_common()]
    shared = set.intersection(*(set(labels.items()) for labels in sets))
    return format_labels(dict(sorted(shared)) if shared else sets[0])


def newest_of(survey: Survey, now: int) -> Newest:
    """Of all files or streams; times in the future count as now."""
    looks = [look for look in survey.looks if look.size]
    latest = max((look.parsed or look.changed for look in looks), default=0)
    earliest = max((look.timed or look.changed for look in looks), default=0)
    return Newest(written=min(latest, now), earliest=min(earliest, latest, now))


def judge(selector: str, newest: Newest, there: int, facts: Facts, now: int) -> Hop:
    """What it means that Loki's newest entry is of the time `there` (0: none was found)."""
    timed = f" (the last time in a line is {written(newest.earliest)})" if newest.earliest < newest.written else ""
    here = f"newest line here {written(newest.written)}{timed}"
    saw = f"{here}, in Loki {written(there) if there else 'none'} for {selector}"
    delivered = facts.known and not facts.behind
    if there and there >= (newest.earliest if delivered else newest.written) - SLACK:
        return hop("arrival", saw)
    if delivered:
        return hop("arrival", saw, [_missing(selector, newest.earliest, facts, now)])
    what = "the newest lines are not in Loki" if there else "no line of this source is in Loki"
    return hop("arrival", saw, [_not_yet(what, facts)])


def _not_yet(what: str, facts: Facts) -> Finding:
    """The agent has not delivered it, for a reason that other hops tell."""
    if facts.running is None or not facts.known:
        return Finding(what=f"{what}; how far the agent is cannot be seen", cure=AS_AGENT)
    if facts.running:
        return Finding(
            what=f"{what} yet: the agent is behind",
            cure="ask again in some seconds; if it stays so, see position above",
        )
    return Finding(what=f"{what}: no agent runs", cure="start it: shipper run")


def _missing(selector: str, newest: int, facts: Facts, now: int) -> Finding:
    """The agent delivered everything, and a query does not show it."""
    if now - newest > HIDDEN:
        what = (
            f"the agent delivered lines that Loki does not show: they are {ago(now - newest)} old, and Loki shows "
            "entries older than about 2.6 hours only after a flush"
        )
        cure = (
            f"curl -X POST {facts.flush} and wait some seconds, or wait up to 2 hours (max_chunk_age); for good, on a "
            "single Loki: query_store_max_look_back_period: -1ns below ingester"
        )
        return Finding(what=what, cure=cure)
    what = "the agent delivered everything, and Loki does not show it under these labels"
    cure = (
        f"compare them and the tenant with what is stored (logcli series '{selector}'); labels changed in the "
        "configuration hold for lines read from then on (shipper positions reset NAME reads all again)"
    )
    return Finding(what=what, cure=cure, broken=bool(facts.running))  # a run that ended may have had another Loki


def _question(selector: str, newest: int, now: int) -> dict[str, str]:
    end = str(max(now, newest) + SECOND)
    return {"query": selector, "start": str(newest - DAY), "end": end, "limit": "1", "direction": "backward"}
