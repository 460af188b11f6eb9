"""What a reply to a push means: one pure function, a table of what Loki and the gateways before it say.

Rule 1: only what is known to be success is success: 204, or 200 without a body of its own. All else keeps the push.
Rule 2: a refusal is recognised by Loki's words; unknown words are never taken for a reason to give a line up.

Sources: the recorded replies of Loki 2.9.0 and 3.4.6 (tests/delivery/test_replies.py runs each).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

SHOWN: Final = 300
"""Characters of a reply's body that go into a failure's detail."""


class Kind(Enum):
    """What happened to a push, and so what to do with it."""

    ACCEPTED = auto()
    """Loki has it."""
    UNKNOWN = auto()
    """It may have been stored: ask, then send what is missing."""
    TOO_LARGE = auto()
    """It must be split."""
    TENANT_RATE = auto()
    """Nothing was stored: slow down."""
    STREAM_RATE = auto()
    """One stream was stored in part: slow it down, ask, send what is missing."""
    STREAM_LIMIT = auto()
    """A new stream was not taken: wait for room."""
    REFUSED = auto()
    """Some entries or streams were refused for good, the others were stored."""
    VOID = auto()
    """One stream's labels cannot be read and nothing was stored."""
    METADATA = auto()
    """Structured metadata is not allowed here."""
    UNEXPLAINED = auto()
    """400 in words nobody knows: find out which entry it is about."""
    HOLD = auto()
    """The set-up is wrong: nothing of this tenant can pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A reply, understood."""

    kind: Kind
    status: str
    """For the counters: "204", "429", …"""
    failure: str = ""
    """The named failure it begins, if any."""
    words: str = ""
    """The server's own words."""
    limit: float = 0.0
    """The rate in Loki's words, bytes per second; 0: none."""
    partial: bool = False
    """Some of a push that is too large may have been stored."""
    pending: bool = False
    """The server may be at it still: an answer to a question is worth something only later."""

    @property
    def detail(self) -> str:
        """The status, once, and the beginning of the words."""
        words = self.words[:SHOWN]
        return words if words.split(" ", 1)[0] == self.status else f"{self.status} {words}".strip()


_HOLDS: Final = {
    260: "loki_blocked",
    401: "loki_unauthorized",
    402: "loki_forbidden",
    403: "loki_forbidden",
    404: "loki_not_found",
    405: "loki_wrong_method",
    407: "loki_unauthorized",
    410: "loki_not_found",
    451: "loki_forbidden",
}
_HTML: Final = re.compile(r"\s*(<!doctype|<html|<head|<\?xml|<body)", re.IGNORECASE)
_TENANT: Final = re.compile(r"no org id|tenant id|multiple org ids|invalid tenant", re.IGNORECASE)
_UNDECODABLE: Final = re.compile(
    r"snappy: |proto: |mime: |loghttp\.|unexpected EOF|wiretype|wire type|content[- ]type|illegal tag|"
    r"at least one valid stream|index out of range|http: request body|bad request$",
    re.IGNORECASE,
)
_DISALLOWED: Final = re.compile(r"includes structured metadata, but this feature is disallowed")
_REFUSALS: Final = re.compile(
    r"timestamp too (old|new)|too far behind|out of order|Max entry size|label names; limit|"
    r"label (name|value) too long|duplicate label name|"
    r"at least one label pair|structured metadata too large|too many structured metadata"
)
_GIVEN_UP: Final = re.compile(r"deadline ?exceeded|context canceled|request cancell?ed|timed? ?out", re.IGNORECASE)
_INGESTED: Final = re.compile(r"total ignored: [0-9]{1,15} out of [0-9]{1,15} for stream: ")
"""An ingester's report: it names ten entries at most, so the one that made it a 429 may not be among them."""
_TENANT_RATE_LIMIT: Final = re.compile(r"\(limit: ([0-9]{1,15}) bytes/sec\)")
_STREAM_RATE_LIMIT: Final = re.compile(r"\(limit: ([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([KMGT]?)i?B/sec\)")
_UNITS: Final = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def classify(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """What a reply means; header names are in lower case."""
    words = body.decode("utf-8", "replace").strip()
    html = "text/html" in headers.get("content-type", "").lower() or _HTML.match(words) is not None
    if 200 <= status < 300:
        return _success(status, words)
    if status == 400:
        return _bad_request(words, html)
    if status == 429:
        return _limited(words)
    if status == 413:
        return Verdict(kind=Kind.TOO_LARGE, status="413", words=_shown(words, html))
    if status == 408 or status >= 500:
        return _server_error(status, words, html)
    failure = _HOLDS.get(status) or ("loki_redirect" if 300 <= status < 400 else "loki_bad_request")
    return Verdict(kind=Kind.HOLD, status=str(status), failure=failure, words=_shown(words, html))


def _success(status: int, words: str) -> Verdict:
    if status == 204 or (status == 200 and words.lower() in ("", "{}", "ok", "null")):
        return Verdict(kind=Kind.ACCEPTED, status=str(status))
    failure = _HOLDS.get(status, "loki_not_loki")
    return Verdict(kind=Kind.HOLD, status=str(status), failure=failure, words=_shown(words, bool(_HTML.match(words))))


def _bad_request(words: str, html: bool) -> Verdict:
    if html or not words or _UNDECODABLE.search(words):
        return Verdict(kind=Kind.HOLD, status="400", failure="loki_bad_request", words=_shown(words, html))
    if words.startswith("couldn't parse labels"):
        return Verdict(kind=Kind.VOID, status="400", words=words)
    if _DISALLOWED.search(words):
        return Verdict(kind=Kind.METADATA, status="400", failure="metadata_unsupported", words=words)
    if _REFUSALS.search(words):
        return Verdict(kind=Kind.REFUSED, status="400", words=words)
    if _TENANT.search(words):
        return Verdict(kind=Kind.HOLD, status="400", failure="loki_unauthorized", words=words)
    return Verdict(kind=Kind.UNEXPLAINED, status="400", failure="loki_bad_request", words=words)


def _limited(words: str) -> Verdict:
    if "Per stream rate limit" in words or _INGESTED.search(words):
        found = _STREAM_RATE_LIMIT.search(words)
        limit = float(found[1]) * _UNITS[found[2]] if found else 0.0
        return Verdict(kind=Kind.STREAM_RATE, status="429", failure="stream_rate_limited", words=words, limit=limit)
    if "stream limit exceeded" in words.lower():
        return Verdict(kind=Kind.STREAM_LIMIT, status="429", failure="stream_limit", words=words)
    found = _TENANT_RATE_LIMIT.search(words)
    limit = float(found[1]) if found else 0.0
    return Verdict(kind=Kind.TENANT_RATE, status="429", failure="rate_limited", words=words, limit=limit)


def _server_error(status: int, words: str, html: bool) -> Verdict:
    if "larger than max" in words:
        return Verdict(kind=Kind.TOO_LARGE, status=str(status), words=words, partial=True)
    late = status in (408, 504)
    failure = "loki_timeout" if late else "loki_server_error"
    pending = late or _GIVEN_UP.search(words) is not None
    return Verdict(kind=Kind.UNKNOWN, status=str(status), failure=failure, words=_shown(words, html), pending=pending)


def _shown(words: str, html: bool) -> str:
    """A page for a browser says nothing in a log line."""
    return "(an HTML page)" if html and words else words
