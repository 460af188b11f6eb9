"""How a key of the configuration is described: one sentence, its kind, and its limits, all beside its type.

Rule 1: a key is described once, in the model; the loader's checks and docs/configuration.md both come from there.
Rule 2: a kind names a way to write a value in TOML (`kinds.py` reads each), not a Python type.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

import msgspec

KIND: Final = "kind"
"""The name under which a key's `Kind` stands in the `extra` of its `msgspec.Meta`."""

SECOND: Final = 1_000_000_000
MILLISECOND: Final = 1_000_000
HOUR: Final = 3600 * SECOND
KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB


class Kind(StrEnum):
    """How a value is written in TOML; the text is what the reference and the error messages call it."""

    TEXT = "a string"
    NAME = "a string that is not empty"
    NAMES = "a list of strings, none of them empty"
    ONE_OR_MORE = "a string or a list of strings, none of them empty"
    FLAG = "true or false"
    COUNT = "a whole number"
    NUMBER = "a number"
    DURATION = 'a duration such as "500ms", "10s" or "1h30m"'
    SIZE = 'a size such as "256KiB" or "1MiB", or a number of bytes'
    CHOICE = "one of"
    URL = "an http or https URL"
    DOCKER_HOST = "a unix://, tcp://, http:// or https:// address"
    LISTEN = 'an address such as "127.0.0.1:12345", or "" for none'
    TENANT = "a tenant's name: at most 150 letters, digits or any of !-_.*'()"
    HEADERS = "a table of HTTP headers"
    FILE = "the path of a readable file"
    PATTERN = "an RE2 pattern"
    PATTERNS = "a list of RE2 patterns"
    CAPTURE = "an RE2 pattern with exactly one group"
    PATH_LABELS = "an RE2 pattern whose named groups are label names"
    FIELDS = "an RE2 pattern with named groups"
    LABELS = "a table of label names and their values"
    LABEL_NAMES = "a list of label names"
    PROMOTION = "a list of fields, or a table `new_name = field`"
    RENAMES = "a table `container_label = label_name`"
    FORMATS = "auto, rfc3339, unix, unix_ms, unix_us, unix_ns or a strptime format; a list tries each"
    TIMEZONE = 'a time zone such as "Asia/Seoul"'
    ENCODING = "a text encoding that contains ASCII"
    MULTILINE = '"python", "vllm", or a table'
    PIPELINE = "the name of a pipeline"
    TABLE = "a table"
    DESTINATIONS = "reserved"


def key(sentence: str, kind: Kind, *, least: float | None = None, most: float | None = None) -> msgspec.Meta:
    """The description of a key: what it does in one sentence, how it is written, and its limits (inclusive)."""
    extra: dict[str, Any] = {KIND: kind, "least": least, "most": most}
    return msgspec.Meta(description=sentence, extra=extra)


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a table, as the loader and the reference need it."""

    name: str
    attribute: str
    sentence: str
    kind: Kind
    least: float | None
    most: float | None
    type: Any
    required: bool
    default: Any

    @property
    def choices(self) -> tuple[str, ...]:
        """The words a CHOICE allows."""
        return get_args(self.type) if self.kind is Kind.CHOICE else ()


@cache
def keys_of(table: type[msgspec.Struct]) -> dict[str, Key]:
    """The keys of a table by their names in TOML, in the order of the model."""
    return {info.encode_name: _key_of(info) for info in msgspec.structs.fields(table)}


def _key_of(info: msgspec.structs.FieldInfo) -> Key:
    annotated, *notes = get_args(info.type)
    meta = next(note for note in notes if isinstance(note, msgspec.Meta))
    assert meta.extra is not None
    assert meta.description is not None
    factory = info.default_factory
    return Key(
        name=info.encode_name,
        attribute=info.name,
        sentence=meta.description,
        kind=meta.extra[KIND],
        least=meta.extra["least"],
        most=meta.extra["most"],
        type=_without_none(annotated),
        required=info.required,
        default=info.default if factory is msgspec.NODEFAULT else factory(),
    )


def _without_none(annotated: Any) -> Any:
    if get_origin(annotated) not in (Union, UnionType):
        return annotated
    return next(part for part in get_args(annotated) if part is not type(None))
