"""JSON lines as structlog writes them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from shipper.demo.record import Line, Record


def stamp(moment: datetime) -> str:
    """`2026-01-27T15:46:41.479516Z`; without a fraction where the microsecond is 0, as the real stamper does."""
    return moment.replace(tzinfo=None).isoformat() + "Z"


def event(moment: datetime, name: str, level: str, logger: str, /, **bound: Any) -> Record:
    """One structlog record, on one line; Korean stays as it is."""
    return _record({"event": name, "level": level, "logger": logger, "timestamp": stamp(moment), **bound}, False)


def ascii_event(moment: datetime, name: str, level: str, logger: str, /, **bound: Any) -> Record:
    r"""The same in ASCII mode: Korean becomes `\uXXXX`; bound fields first, as another processor chain has it."""
    return _record({**bound, "event": name, "level": level, "logger": logger, "timestamp": stamp(moment)}, True)


def _record(document: dict[str, Any], ascii_only: bool) -> Record:
    text = json.dumps(document, ensure_ascii=ascii_only)
    level = document["level"]
    return Record(f"{text}\n".encode(), (Line(text, level),))
