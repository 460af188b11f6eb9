r"""Level and time at their own positions in the text formats of the services around here.

    vLLM             [Model1] (EngineCore_DP0 pid=99) ERROR 01-27 15:47:39 [core.py:875] …   (older: without brackets)
    uvicorn          INFO:     10.0.4.17:53412 - "GET / HTTP/1.1" 200 OK
    gunicorn         [2026-01-27 15:50:54 +0000] [77] [INFO] …
    MLflow           2026/02/04 03:44:07 INFO mlflow.store: …       2026/02/10 09:00:20 INFO:     …
    alembic          INFO  [alembic.runtime.migration] …
    Python logging   2026-01-27 15:45:11,945 - name - INFO - …      INFO:name:…
    access logs      172.18.0.2 - - [04/Feb/2026:03:44:12 +0000] "GET …                       (time only)
    syslog           Jan 27 15:40:21 host …        2026-01-27T15:40:18.488290+00:00 host …    (time only)
    ISO time         2026-01-27T15:45:11Z …, and after it `LEVEL`, `[level]` or `| LEVEL |`

Rule 1: a level is found at the position its format gives it, never as a word later in the text.
Rule 2: what comes first on the line decides; colours and the prefixes of launcher and process may stand before it.
Rule 3: PyTorch's native warnings (`[W127 16:00:45.4…]`) stamp local times that run behind those of the lines around
        them: they have neither time nor level here, so that they stay where they were written.
Rule 4: patterns are matched at the start of the line, without nested repetition, on at most 512 bytes of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from shipper.pipeline.texts import without_colours

LOOKED_AT: Final = 512
_MOST_HEADS: Final = 4096
"""Heads that are kept; most lines of a second share theirs."""

_BEFORE: Final = (
    rb"(?:\[[A-Za-z]\w{0,30}\d\]:? )?(?:\([A-Za-z][\w.-]{0,60}(?: (?:pid|rank|local_rank)=\d{1,10}){1,2}\) ?){0,3}"
)
_PREFIX: Final = re.compile(_BEFORE)
_LEVELS: Final = rb"TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL"
_LEVEL: Final = rb"(?P<level>" + _LEVELS + rb")"
_CLOCK: Final = rb"\d\d:\d\d:\d\d"
_MONTH: Final = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"

_REQUEST: Final = rb"(?P<access>[0-9a-fA-F.:\[\]]{3,48} - \")?"


class Head(NamedTuple):
    """What stands at the beginning of a record's first line."""

    level: str
    """As written; "": the format has none."""
    time: str
    """As written; "": the format has none."""
    access: bool
    """A request's one line: what follows has another cause."""


class Format:
    """One format: a pattern, and where in it level, time and the mark of an access line are."""

    __slots__ = ("_access", "_level", "_match", "_time")

    def __init__(self, pattern: bytes) -> None:
        compiled = re.compile(pattern)
        self._match = compiled.match
        self._level, self._time, self._access = (
            compiled.groupindex.get(name, 0) for name in ("level", "time", "access")
        )

    def head(self, text: bytes) -> Head | None:
        """The head of a line in this format."""
        match = self._match(text)
        if match is None:
            return None
        level = match[self._level] if self._level else None
        return Head(
            _text(level) if level else "",
            match[self._time].decode() if self._time else "",
            bool(self._access) and match[self._access] is not None,
        )

    def end(self, text: bytes, at: int) -> int:
        """Where the head ends that begins at `at`; 0: it does not."""
        match = self._match(text, at)
        return 0 if match is None else match.end()


def _text(level: bytes) -> str:
    return level.decode().strip()


VLLM: Final = Format(
    rb"(?:[^\s\[({:]{1,32} )?" + _LEVEL + rb" (?P<time>\d\d-\d\d " + _CLOCK + rb") \[?[\w./-]{1,80}:\d+\]"
)
_UVICORN: Final = Format(_LEVEL + rb":(?:\s{1,8}" + _REQUEST + rb"|\s*$)")
_BASIC: Final = Format(_LEVEL + rb":[A-Za-z_][\w.-]{0,120}:")
_ALEMBIC: Final = Format(rb"(?P<level>INFO |WARNI|ERROR|CRITI|DEBUG) \[[\w.]{1,120}\] ")
_SYSLOG: Final = Format(rb"(?P<time>" + _MONTH + rb" [ \d]\d " + _CLOCK + rb") \S")
_GUNICORN: Final = Format(
    rb"\[(?P<time>\d{4}-\d\d-\d\d " + _CLOCK + rb"(?:[.,]\d{1,9})?(?: [+-]\d{4})?)\] \[\d+\] \[" + _LEVEL + rb"\]"
)
_SLASHED: Final = Format(
    rb"(?P<time>\d{4}/\d\d/\d\d " + _CLOCK + rb")(?: " + _LEVEL + rb"(?::\s{1,8}" + _REQUEST + rb"| \S|:\S))?"
)
_ACCESS: Final = Format(
    rb"[0-9A-Za-z.:-]{2,60} \S{1,60} \S{1,60} \[(?P<time>\d\d/" + _MONTH + rb"/\d{4}:" + _CLOCK + rb" [+-]\d{4})\] "
    rb"(?P<access>\")"
)
_LETTERED: Final = (VLLM, _UVICORN, _ALEMBIC, _BASIC, _SYSLOG)

_ISO: Final = re.compile(
    rb"(\d{4}-\d\d-\d\d[Tt ]" + _CLOCK + rb"(?:[.,]\d{1,9})?(?: ?(?:[Zz]|[+-]\d\d:?\d\d))?)(?=$|[\s\]|,:-])"
)
_AFTER_ISO: Final = re.compile(
    rb"(?: - [\w.-]{1,120} - ("
    + _LEVELS
    + rb") - | (?:\| )?("
    + _LEVELS
    + rb")(?= |:|$)| \[((?i:"
    + _LEVELS
    + rb")) *\])"
)


def prefix_of(text: bytes) -> int:
    """Length of what launcher and process put before the line: `[Model1] (EngineCore_DP0 pid=99) `."""
    if text[:1] not in b"[(":
        return 0
    match = _PREFIX.match(text)
    return match.end() if match is not None else 0


def looked_at(line: bytes) -> bytes:
    """The beginning of a line, without colours: what detection looks at."""
    return without_colours(line[:LOOKED_AT]) if b"\x1b" in line else line


def head_of(text: bytes) -> Head | None:
    """The head of a line without prefixes and colours; None if it has none."""
    detect = _BY_FIRST_BYTE.get(text[:1])
    return detect(text) if detect is not None else None


def _lettered(text: bytes) -> Head | None:
    for known in _LETTERED:
        head = known.head(text)
        if head is not None:
            return head
    return _access(text)


def _access(text: bytes) -> Head | None:
    return _ACCESS.head(text) if b'] "' in text[:LOOKED_AT] else None


def _numbered(text: bytes) -> Head | None:
    match = _ISO.match(text)
    if match is None:
        return _SLASHED.head(text) or _access(text)
    after = _AFTER_ISO.match(text, match.end())
    level = after[after.lastindex or 0] if after is not None else b""
    return Head(_text(level), match[1].decode(), False)


def _bracketed(text: bytes) -> Head | None:
    return _GUNICORN.head(text)


_COMMON: Final[Callable[[bytes], re.Match[bytes] | None]] = re.compile(
    rb"(?>" + _BEFORE + rb")(?=[A-Za-z])(?:(?:[^\s\[({:]{1,32} )?(" + _LEVELS + rb") (\d\d-\d\d " + _CLOCK + rb") "
    rb"\[?[\w./-]{1,80}:\d+\]|(" + _LEVELS + rb"):(?:\s{1,8}(?:[0-9a-fA-F.:\[\]]{3,48}( - \"))?|\s*$))"
).match
"""The heads of vLLM and of uvicorn, with what may stand before them, as `prefix_of` and `head_of` find them."""
_HEADS: Final[dict[tuple[bytes | None, ...], Head]] = {}


def common_head(line: bytes) -> Head | None:
    """The head of a line without colours behind its prefixes, if vLLM or uvicorn wrote it: 0.8 µs, against 3."""
    match = _COMMON(line)
    if match is None:
        return None
    parts = match.groups()
    head = _HEADS.get(parts)
    if head is None:
        if len(_HEADS) >= _MOST_HEADS:
            _HEADS.clear()
        by_vllm, time, by_uvicorn, request = parts
        level = _text(by_vllm or by_uvicorn or b"")
        head = _HEADS[parts] = Head(level, (time or b"").decode(), request is not None)
    return head


def _dispatch() -> dict[bytes, Callable[[bytes], Head | None]]:
    letters = {bytes((code,)): _lettered for code in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}
    digits = {bytes((code,)): _numbered for code in b"0123456789"}
    return {**letters, **digits, b"[": _bracketed, b":": _access}


_BY_FIRST_BYTE: Final = _dispatch()
