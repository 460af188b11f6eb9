"""`/api/v1/status`: the agent and its sources at a glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from shipper.collector import Collector
from shipper.config.model import Multiline
from shipper.ledger import Account
from shipper.web.failing import grouped
from shipper.web.replies import document, instant
from shipper.web.watch import Watch


async def status(request: Request) -> Response:
    """Everything that the overview shows."""
    watch: Watch = request.app.state.watch
    await watch.refresh()
    return document(overview(watch), watch.masker)


def overview(watch: Watch) -> dict[str, Any]:
    """The document."""
    agent, reasons = watch.agent, watch.agent.not_ready()
    sources = summaries(watch)
    return {
        "version": agent.version,
        "started_at": instant(agent.started_at),
        "now": instant(agent.clock.now()),
        "once": False,
        "ready": not reasons,
        "not_ready": grouped(reasons),
        "loki": {
            "url": agent.config.loki.url,
            "tenant": agent.config.loki.tenant or "",
            "version": agent.delivery.server_version,
            "last_push_at": instant(agent.ledger.last_success),
        },
        "books": books(agent.ledger.accounts.values()),
        "bytes_read": sum(account.bytes_read for account in agent.ledger.accounts.values()),
        "lag_bytes": sum(source["lag_bytes"] for source in sources),
        "oldest_unsettled_seconds": max((source["oldest_unsettled_seconds"] for source in sources), default=0.0),
        "streams": sum(source["streams"] for source in sources),
        "rates": watch.rates(),
        "sources": sources,
        "failures": grouped(agent.failures.current()),
    }


def books(accounts: Iterable[Account]) -> dict[str, Any]:
    """What became of all lines."""
    accounts = list(accounts)
    dropped, dead = Counter[str](), Counter[str]()
    for account in accounts:
        dropped.update(account.dropped)
        dead.update(account.dead_lettered)
    return {
        "read": sum(account.read for account in accounts),
        "delivered": sum(account.delivered for account in accounts),
        "dropped": dropped.total(),
        "dead_lettered": dead.total(),
        "in_flight": sum(account.in_flight for account in accounts),
        "balanced": not any(account.imbalance for account in accounts),
        "dropped_by_reason": dict(sorted(dropped.items())),
        "dead_lettered_by_reason": dict(sorted(dead.items())),
    }


def summaries(watch: Watch) -> list[dict[str, Any]]:
    """One document for each source, in the order of the configuration."""
    failing: dict[str, dict[str, None]] = {}
    for failure in watch.agent.failures.current():
        failing.setdefault(failure.source, {})[failure.name] = None
    unsettled, lags, now = watch.agent.delivery.unsettled(), watch.lags(), watch.agent.clock.now()
    return [
        summary(watch, collector)
        | {
            "lag_bytes": lags[name],
            "oldest_unsettled_seconds": round((now - unsettled[name][1]) / 1e9, 3) if name in unsettled else 0.0,
            "failures": list(failing.get(name, ())),
        }
        for name, collector in watch.agent.collectors.items()
    ]


def summary(watch: Watch, collector: Collector) -> dict[str, Any]:
    """What is known of a source by itself."""
    account, extent = watch.agent.ledger.account(collector.name), watch.extent(collector.name)
    resolved = collector.resolved
    return {
        "name": collector.name,
        "type": resolved.type,
        "unit": collector.source.unit,
        "units": extent.things,
        "lines_read": account.read,
        "bytes_read": account.bytes_read,
        "delivered": account.delivered,
        "dropped": account.dropped.total(),
        "dead_lettered": account.dead_lettered.total(),
        "in_flight": account.in_flight,
        "streams": collector.streams,
        "last_line_at": instant(extent.latest),
        "lines_per_second": watch.lines_per_second(collector.name),
        "pipeline": resolved.pipeline,
        "multiline": _multiline(resolved.multiline),
        "labels": resolved.labels,
        "fallbacks": dict(sorted(account.fallbacks.items())),
        "truncated_unread_bytes": account.truncated_unread,
        "replay_missing_bytes": account.replay_missing,
    }


def _multiline(multiline: Multiline | None) -> str:
    return "" if multiline is None else multiline.preset or multiline.start
