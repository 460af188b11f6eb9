"""Texts: cutting, colours, and the text that a field's value has.

Rule 1: a text is bytes in UTF-8 and stays valid UTF-8: no cut goes through a character.
Rule 2: a value of a field is a `str` that can be encoded, a number, a bool, None, or a list or dict of these.
"""

from __future__ import annotations

import json
import re
from typing import Final

import orjson

_COLOURS: Final = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_DEEPEST: Final = 254
"""Levels that orjson writes. A bound of our own: Python's depends on who called, and results must not."""


def cut(text: bytes, limit: int) -> bytes:
    """`text` in at most `limit` bytes, the mark ` … [cut, N bytes]` included; N: bytes left out."""
    if len(text) <= limit:
        return text
    room = max(0, limit - len(_mark(len(text))))
    while room and text[room] & 0xC0 == 0x80:
        room -= 1
    return text[:room] + _mark(len(text) - room)


def _mark(missing: int) -> bytes:
    return f" … [cut, {missing} bytes]".encode()


def without_colours(text: bytes) -> bytes:
    """`text` without terminal control sequences (CSI: colours, cursor movements)."""
    return _COLOURS.sub(b"", text) if b"\x1b" in text else text


def encodable(text: str) -> str:
    """`text` with lone surrogates, which UTF-8 has no bytes for, replaced by U+FFFD."""
    return _SURROGATES.sub("\ufffd", text)


def scalar_text(value: object) -> str | None:
    """The text of a field's value: strings as they are, numbers and bools as in JSON; None for all else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return json.dumps(value)
    return None


def field_text(value: object) -> str | None:
    """The text of any field's value, objects and arrays as JSON; None for a missing, null or too deep one."""
    if isinstance(value, dict | list):
        return _json(value)
    return scalar_text(value)


def too_deep(value: object) -> bool:
    """Whether objects and arrays are nested deeper than is read or written; found without recursion."""
    level = [value]
    for _ in range(_DEEPEST):
        inner = (part.values() if isinstance(part, dict) else part for part in level if isinstance(part, dict | list))
        level = [part for parts in inner for part in parts]
    return any(isinstance(part, dict | list) for part in level)


def _json(value: object) -> str | None:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # integers above 64 bits, lone surrogates, too many levels
        if too_deep(value):
            return None
        return encodable(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
