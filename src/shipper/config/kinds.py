"""How a value of each kind is read: one function per kind, from what TOML gave to what the model holds.

Rule 1: a reader gives the checked value or raises Wrong; in lists and tables it notes each wrong member and goes on.
Rule 2: a reader looks at its own value only; what concerns two keys is in `crosschecks`.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path as FilePath
from typing import Any, Final

from shipper.config.amounts import LARGEST, format_duration, format_size, parse_duration, parse_size
from shipper.config.label_names import check_label_name, check_label_value
from shipper.config.mistakes import BROKEN, Mistakes, Path, Wrong, expected, nearest, shown, type_of
from shipper.config.patterns import check_capture, check_fields, compiled, groups_of
from shipper.config.schema import Key, Kind
from shipper.config.texts import check_encoding, check_format, check_timezone
from shipper.config.urls import check_docker_host, check_listen, check_url

_TENANT = re.compile(r"[A-Za-z0-9!\-_.*'()]{1,150}")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[ -~\t]*")
_OWN_HEADERS: Final = frozenset({"content-type", "content-encoding", "content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The key a value was written for, its path, and where mistakes in its members go."""

    key: Key
    path: Path
    mistakes: Mistakes

    def members(self, values: list[Any], read: Callable[[Any], str]) -> tuple[str, ...]:
        """The members of a list that `read` accepts; the others are noted."""
        found = (self._member(index, value, read) for index, value in enumerate(values))
        return tuple(value for value in found if value is not None)

    def entries(self, table: dict[str, Any], read: Callable[[str, Any], str]) -> dict[str, str]:
        """The entries of a table that `read` accepts; the others are noted."""
        found = [(name, self._member(name, value, partial(read, name))) for name, value in table.items()]
        return {name: value for name, value in found if value is not None}

    def _member(self, part: str | int, value: Any, read: Callable[[Any], str]) -> str | None:
        if value is BROKEN:
            return None
        try:
            return read(value)
        except Wrong as wrong:
            self.mistakes.note((*self.path, part), str(wrong))
            return None


def read(value: Any, place: Place) -> Any:
    """The value as the model holds it."""
    return READERS[place.key.kind](value, place)


def _text(value: Any, place: Place) -> str:
    if not isinstance(value, str):
        raise expected(place.key.kind.value, value)
    return value


def _name(value: Any, place: Place | None = None) -> str:
    if not isinstance(value, str) or not value.strip():
        raise expected(Kind.NAME.value, value)
    if not value.isprintable():
        raise expected("a string without control characters", value)
    return value


def _checked(check: Callable[[str], str]) -> Callable[[Any, Place], str]:
    """A reader of a string that `check` then judges."""
    return lambda value, place: check(_text(value, place))


def _names(value: Any, place: Place) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise expected(place.key.kind.value, value, f"did you mean [{shown(value)}]?" if isinstance(value, str) else "")
    if place.key.required and not value:
        raise Wrong(f"expected {place.key.kind.value}, got an empty list")
    return place.members(value, _name)


def _one_or_more(value: Any, place: Place) -> tuple[str, ...]:
    if isinstance(value, str):
        return (_name(value),)
    if not isinstance(value, list) or not value:
        raise expected(place.key.kind.value, value)
    return place.members(value, _name)


def _flag(value: Any, place: Place) -> bool:
    if not isinstance(value, bool):
        known = isinstance(value, str) and value.casefold() in ("true", "false")
        raise expected(place.key.kind.value, value, f"write {value.casefold()} without quotes" if known else "")
    return value


def _count(value: Any, place: Place) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise expected(place.key.kind.value, value)
    return int(_within(value, place, str))


def _number(value: Any, place: Place) -> float:
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or abs(value) > LARGEST
        or not math.isfinite(value)
    ):
        raise expected(place.key.kind.value, value)
    return float(_within(value, place, lambda limit: f"{limit:g}"))


def _duration(value: Any, place: Place) -> int:
    return int(_within(parse_duration(value), place, lambda limit: f'"{format_duration(int(limit))}"', value))


def _size(value: Any, place: Place) -> int:
    return int(_within(parse_size(value), place, lambda limit: f'"{format_size(int(limit))}"', value))


def _within(amount: float, place: Place, words: Callable[[Any], str], written: Any = None) -> float:
    """The amount if it is within the key's limits; `words` writes a limit."""
    got = amount if written is None else written
    if place.key.least is not None and amount < place.key.least:
        raise expected(f"at least {words(place.key.least)}", got)
    if amount > (LARGEST if place.key.most is None else place.key.most):
        raise expected(f"at most {words(LARGEST if place.key.most is None else place.key.most)}", got)
    return amount


def _choice(value: Any, place: Place) -> str:
    if not isinstance(value, str) or value not in place.key.choices:
        words = ", ".join(f'"{choice}"' for choice in place.key.choices)
        raise expected(f"one of {words}", value, nearest(value, place.key.choices) if isinstance(value, str) else "")
    return value


def _tenant(value: Any, place: Place) -> str:
    if not isinstance(value, str) or not _TENANT.fullmatch(value) or value in (".", ".."):
        raise expected(place.key.kind.value, value)
    return value


def _headers(value: Any, place: Place) -> dict[str, str]:
    if not isinstance(value, dict):
        raise Wrong(f"expected {place.key.kind.value}, got {type_of(value)}")
    return place.entries(value, _header)


def _header(name: str, value: Any) -> str:
    if not _TOKEN.fullmatch(name):
        raise expected("a header name", name)
    if name.casefold() in _OWN_HEADERS:
        raise Wrong("expected a header that the shipper does not set itself; leave it out")
    if not isinstance(value, str):
        raise Wrong(f"expected a string, got {type_of(value)}")
    if not _HEADER_VALUE.fullmatch(value) or value != value.strip():
        raise Wrong("expected a header value in printable ASCII without spaces around it, got another")
    return value


def _file(value: Any, place: Place) -> str:
    if value == "" and place.key.default == "":
        return ""
    path = _name(_text(value, place))
    problem = _unreadable(path)
    if problem:
        raise Wrong(f"expected {place.key.kind.value}, got {shown(path)}: {problem}")
    return path


def _unreadable(path: str) -> str:
    """Why a file cannot be read and what to do, or nothing if it can."""
    try:
        if FilePath(path).is_dir():
            return "it is a directory; name the file in it"
        if not FilePath(path).exists():
            return f"there is none; create it, or correct the path (from {FilePath.cwd()})"
    except (OSError, ValueError):
        return "its directory cannot be searched; give this user access, or correct the path"
    return "" if os.access(path, os.R_OK) else "permission denied; give this user the right to read it"


def _pattern(value: str) -> str:
    compiled(value)
    return value


def _patterns(value: Any, place: Place) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise expected(place.key.kind.value, value, f"did you mean [{shown(value)}]?" if isinstance(value, str) else "")
    return place.members(value, lambda member: _pattern(_name(member)))


def _path_labels(value: str) -> str:
    for name in groups_of(check_fields(value)):
        check_label_name(name)
    return value


def _labels(value: Any, place: Place) -> dict[str, str]:
    if not isinstance(value, dict):
        raise expected(place.key.kind.value, value)
    return place.entries(value, lambda name, label: check_label_name(name) and check_label_value(label))


def _label_names(value: Any, place: Place) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values:
        raise expected(place.key.kind.value, value)
    return place.members(values, lambda name: check_label_name(_name(name)))


def _promotion(value: Any, place: Place) -> dict[str, str]:
    if isinstance(value, dict) and value:
        return place.entries(value, lambda name, field: _name(field) if check_label_name(name) else "")
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values:
        raise expected(place.key.kind.value, value)
    return {name: name for name in place.members(values, _promoted)}


def _promoted(value: Any) -> str:
    name = _name(value)
    try:
        return check_label_name(name)
    except Wrong as wrong:
        reason = str(wrong).partition("; did you mean")[0]
        raise Wrong(f"{reason}; write a table, such as {{ name = {shown(name)} }}, to give it another name") from None


def _renames(value: Any, place: Place) -> dict[str, str]:
    if not isinstance(value, dict):
        raise expected(place.key.kind.value, value)
    return place.entries(value, lambda _, label: check_label_name(_name(label)))


def _formats(value: Any, place: Place) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values:
        raise expected(place.key.kind.value, value)
    return place.members(values, lambda text: check_format(_name(text)))


def _reserved(value: Any, place: Place) -> tuple[str, ...]:
    raise Wrong("expected nothing here: several destinations are not yet supported; leave `to` out")


READERS: Final[dict[Kind, Callable[[Any, Place], Any]]] = {
    Kind.TEXT: _text,
    Kind.NAME: _name,
    Kind.NAMES: _names,
    Kind.ONE_OR_MORE: _one_or_more,
    Kind.FLAG: _flag,
    Kind.COUNT: _count,
    Kind.NUMBER: _number,
    Kind.DURATION: _duration,
    Kind.SIZE: _size,
    Kind.CHOICE: _choice,
    Kind.URL: _checked(check_url),
    Kind.DOCKER_HOST: _checked(check_docker_host),
    Kind.LISTEN: _checked(check_listen),
    Kind.TENANT: _tenant,
    Kind.HEADERS: _headers,
    Kind.FILE: _file,
    Kind.PATTERN: _checked(_pattern),
    Kind.PATTERNS: _patterns,
    Kind.CAPTURE: _checked(check_capture),
    Kind.PATH_LABELS: _checked(_path_labels),
    Kind.FIELDS: _checked(check_fields),
    Kind.LABELS: _labels,
    Kind.LABEL_NAMES: _label_names,
    Kind.PROMOTION: _promotion,
    Kind.RENAMES: _renames,
    Kind.FORMATS: _formats,
    Kind.TIMEZONE: _checked(check_timezone),
    Kind.ENCODING: _checked(check_encoding),
    Kind.PIPELINE: _name,
    Kind.DESTINATIONS: _reserved,
}
"""Tables and `multiline` are read by `tables`, which reads their members with these."""
