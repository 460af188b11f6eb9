"""What continues a record: the state machine of Python's tracebacks and dumps.

    "" ─ a line ─▶ head ─ Traceback ─▶ traceback ─ Name: text ─▶ exception ─ Traceback ─▶ traceback ─ …
     └── Fatal Python error ─▶ dump

Rule 1: a line with a head of its own (detect.py) never continues; callers ask that first.
Rule 2: an indented line continues any record; a blank line continues it and changes nothing.
Rule 3: after an access line nothing but indented text belongs to it ("closed"): tracebacks have another cause.
"""

from __future__ import annotations

import re
from typing import Final

HEAD: Final = "head"
CLOSED: Final = "closed"
TRACEBACK: Final = "traceback"
EXCEPTION: Final = "exception"
DUMP: Final = "dump"

TRACEBACK_LINE: Final = b"Traceback (most recent call last):"
_EXCEPTION_LINE: Final = re.compile(rb"[A-Za-z_][\w.]*(?:$|:(?: |$))")
_CHAINS: Final = (b"During handling of the above exception", b"The above exception was the direct cause")
_AFTER_EXCEPTION: Final = (*_CHAINS, b"[SQL: ", b"[parameters: ", b"(Background on this error at: ", b"[cached since ")
_FATAL: Final = b"Fatal Python error: "
_DUMP_LINES: Final = (
    b"Thread 0x",
    b"Current thread 0x",
    b"Extension modules: ",
    b"<no Python frame>",
    b"Python runtime state: ",
)


def follow(record: str, text: bytes) -> str:
    """The state after `text` if it continues the record; "" if it does not."""
    if not record:
        return ""
    if text[:1] in (b" ", b"\t", b""):
        return record
    if text.startswith(TRACEBACK_LINE):
        return "" if record == CLOSED else TRACEBACK
    if record == TRACEBACK:
        return EXCEPTION if _EXCEPTION_LINE.match(text) else ""
    if record == EXCEPTION and text.startswith(_AFTER_EXCEPTION):
        return EXCEPTION
    if record == DUMP and text.startswith(_DUMP_LINES):
        return DUMP
    return ""


def begin(text: bytes) -> str:
    """The state after a line that continues nothing."""
    if text.startswith(TRACEBACK_LINE):
        return TRACEBACK
    return DUMP if text.startswith(_FATAL) else HEAD
