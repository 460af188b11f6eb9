"""JSON: the line as one object.

Rule 1: nothing raises and no line is lost: what is no JSON object passes through untouched, counted by reason.
Rule 2: what Python's own programs write though JSON forbids it is read: NaN, Infinity, lone surrogates; it is counted.
Rule 3: of equal keys the last one counts, as everywhere.
"""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

from shipper.config.model import Json
from shipper.pipeline.entry import Entry, Fields, Work
from shipper.pipeline.texts import encodable, too_deep

NOT_JSON: Final = "not_json"
NOT_OBJECT: Final = "not_object"
TOO_DEEP: Final = "json_too_deep"
NON_STANDARD: Final = "json_non_standard"


class ReadJson:
    """The stage `json`."""

    name = "json"

    def __init__(self, stage: Json) -> None:
        self._message = stage.message

    def __call__(self, entry: Entry, work: Work) -> str:
        fields, reason = read_object(entry.text)
        if reason:
            work.count(reason)
        if fields is not None:
            self.take(entry, fields)
        return ""

    def take(self, entry: Entry, fields: Fields) -> None:
        """Make an object's members the entry's fields, and one of them its message."""
        entry.add(fields)
        entry.message = message_in(fields, self._message) or entry.message


def message_in(fields: Fields, names: tuple[str, ...]) -> str | None:
    """The first of these fields that is a string and not empty."""
    for name in names:
        value = fields.get(name)
        if value and isinstance(value, str):
            return value
    return None


def read_object(text: bytes) -> tuple[Fields | None, str]:
    """The members of a JSON object, and the reason to count, if any; None if it is none."""
    try:
        value = orjson.loads(text)
    except ValueError:
        return _read_leniently(text)
    return (value, "") if isinstance(value, dict) else (None, NOT_OBJECT)


def _read_leniently(text: bytes) -> tuple[Fields | None, str]:
    """The same by the standard library, which takes more: 10 times slower, so only for what orjson refuses."""
    constants: list[str] = []

    def constant(name: str) -> float:
        constants.append(name)
        return float(name)

    try:
        value = json.loads(text.decode("utf-8", "replace"), parse_constant=constant)
    except RecursionError:
        return None, TOO_DEEP
    except ValueError:
        return None, NOT_JSON
    if too_deep(value):
        return None, TOO_DEEP
    if not isinstance(value, dict):
        return None, NOT_OBJECT
    fields = {encodable(key): _encodable(member) for key, member in value.items()}
    return fields, NON_STANDARD if constants or fields != value else ""


def _encodable(value: Any) -> Any:
    return encodable(value) if isinstance(value, str) else value
