"""Whether logs get through: what `/-/ready` says.

Rule 1: ready is: every source has looked at what there is, Loki was reached, and no failure of `BLOCKING` lasts.
Rule 2: what lost lines in the past, what only slows, and a glob that matches nothing yet are shown elsewhere and are no
        reason to be not ready: an alert that cannot be ended teaches to ignore it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from shipper.failures import Failure

BLOCKING: Final = frozenset(
    {
        # a source is not read
        "file_unreadable",
        "directory_unreadable",
        "too_many_open_files",
        "io_error",
        "source_stuck",
        "source_failed",
        "docker_unreachable",
        "docker_forbidden",
        "docker_too_old",
        "docker_error",
        # nothing gets to Loki, or not all of it
        "loki_unreachable",
        "loki_timeout",
        "loki_server_error",
        "loki_unauthorized",
        "loki_forbidden",
        "loki_not_found",
        "loki_wrong_method",
        "loki_redirect",
        "loki_blocked",
        "loki_not_loki",
        "loki_bad_request",
        "stream_limit",
        "too_large",
        # nothing can be written down
        "journal_write",
        "dead_letters_full",
    }
)
STARTING: Final = "starting"


def not_ready(
    failures: Sequence[Failure], *, waiting: Collection[str], reached: bool, since: int, detail: str = ""
) -> tuple[Failure, ...]:
    """Why logs do not get through, () if they do.

    `waiting`: sources that have not looked yet; `reached`: whether Loki was, and `detail` what was seen instead;
    `since`: the start, ns.
    """
    blocking = tuple(failure for failure in failures if failure.name in BLOCKING)
    if blocking or (reached and not waiting):
        return blocking
    told = [f"source {name} has not looked at what there is yet" for name in sorted(waiting)]
    told += [] if reached else [detail or "Loki has not answered yet"]
    hint = "wait a moment; if it lasts, see whether [loki] url leads to Loki (curl URL/ready)"
    return (Failure(name=STARTING, source="", what="", detail="; ".join(told), hint=hint, since=since),)
