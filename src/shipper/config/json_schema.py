"""A JSON Schema of `shipper.toml`, for editors: completion, descriptions, and mistakes while typing.

Rule 1: keys, values, limits, defaults and sentences come from the model, as docs/configuration.md does.
Rule 2: what `shipper check` takes the schema takes. It refuses what a schema can: unknown keys, wrong types, words that
        are none of those allowed, amounts without units. What lies between keys, and all that needs an engine for
        patterns, zones or encodings, is left to `shipper check`.
Rule 3: a string with `${` in it may become anything, so it passes wherever a string does.
Rule 4: the keywords are those that mean the same in every draft from 4 to 2020-12, because editors differ: no `const`,
        no `$ref` beside a description, no `propertyNames`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from shipper.config.amounts import DURATION_PATTERN, SIZE_PATTERN
from shipper.config.label_names import LONGEST_VALUE
from shipper.config.model import (
    BUILT_IN_PIPELINES,
    STAGES,
    Agent,
    DockerSource,
    Drop,
    FileSource,
    Keep,
    Loki,
    Multiline,
    Tenant,
)
from shipper.config.schema import Key, Kind, keys_of
from shipper.config.written import limits, sentences, written

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

_VARIABLE: Final[Schema] = {"type": "string", "pattern": r"\$\{"}
_LABEL: Final = "(?:[a-zA-Z][a-zA-Z0-9_]*|_(?:[a-zA-Z0-9][a-zA-Z0-9_]*)?)"
_FLAG: Final[Schema] = {"type": "boolean"}
_TEXT: Final[Schema] = {"type": "string"}
_NAME: Final[Schema] = {"type": "string", "pattern": r"\S"}
_GROUPS: Final[Schema] = {"type": "string", "pattern": r"\(\?P?<|\$\{"}
_LABEL_VALUE: Final[Schema] = {"type": "string", "maxLength": LONGEST_VALUE}


def json_schema() -> Schema:
    """The whole schema."""
    sources = [_tagged(FileSource, "type"), _tagged(DockerSource, "type")]
    stages = [_tagged(stage, "stage") for stage in STAGES]
    pipeline = {"type": "array", "description": "The stages a line takes, in order.", "items": {"anyOf": stages}}
    return {
        "$schema": DIALECT,
        "title": "shipper.toml",
        "description": "What shipper collects and where it sends it. `shipper check` finds what a schema cannot.",
        "type": "object",
        "additionalProperties": False,
        "required": ["source"],
        "properties": {
            "loki": _table(Loki),
            "agent": _table(Agent),
            "labels": _named(_LABEL_VALUE) | {"description": "Labels of every line; a source's labels win over these."},
            "source": {
                "type": "array",
                "description": "One table for each source.",
                "minItems": 1,
                "items": {"anyOf": sources},
            },
            "pipeline": {
                "type": "object",
                "description": "Pipelines of your own; one named like a built-in replaces it.",
                "additionalProperties": pipeline,
            },
        },
    }


_EITHER: Final[dict[type[msgspec.Struct], Schema]] = {
    Multiline: {"oneOf": [{"required": ["preset"]}, {"required": ["start"]}]},
    Tenant: {"oneOf": [{"required": ["from"]}, {"required": ["value"]}]},
    Drop: {"oneOf": [{"required": ["pattern"]}, {"required": ["field", "value"]}]},
    Keep: {"oneOf": [{"required": ["pattern"]}, {"required": ["field", "value"]}]},
}
"""Keys of which one has to be there."""


def _table(table: type[msgspec.Struct], extra: Schema | None = None) -> Schema:
    """A table and its keys; `extra`: properties that are no keys of the model, all required."""
    keys = [key for key in keys_of(table).values() if key.kind is not Kind.DESTINATIONS]
    required = [*(extra or {}), *(key.name for key in keys if key.required)]
    schema: Schema = {
        "type": "object",
        "description": sentences(table),
        "additionalProperties": False,
        "properties": {**(extra or {}), **{key.name: _key(key) for key in keys}},
        **_EITHER.get(table, {}),
    }
    return schema | ({"required": required} if required else {})


def _tagged(table: type[msgspec.Struct], tag: str) -> Schema:
    """A table that is told from others by the value of one key."""
    value = {"type": "string", "enum": [table.__struct_config__.tag], "description": sentences(table)}
    return _table(table, {tag: value})


def _key(key: Key) -> Schema:
    described = {"description": f"{key.sentence}{_written_as(key)}"}
    if key.kind is Kind.TABLE:
        return _table(key.type) | described
    default = {} if key.required or key.default in (None, ()) else {"default": written(key.kind, key.default)}
    return _KINDS[key.kind](key) | described | default


def _written_as(key: Key) -> str:
    """How the value is written, where the sentence and the type do not say it."""
    if key.kind in (Kind.CHOICE, Kind.FLAG, Kind.TEXT, Kind.NAME, Kind.TABLE):
        return ""
    return f" Value: {key.kind}{limits(key)}."


def _pattern(pattern: str) -> Schema:
    return {"type": "string", "pattern": rf"^(?:{pattern})$|\$\{{"}


def _words(words: Iterable[str]) -> Schema:
    return {"anyOf": [{"type": "string", "enum": list(words)}, _VARIABLE]}


def _list(member: Schema, *, least: int = 1) -> Schema:
    return {"type": "array", "items": member, "minItems": least}


def _or_list(member: Schema) -> Schema:
    return {"anyOf": [member, _list(member)]}


def _number(kind: str, key: Key) -> Schema:
    bounds = {"minimum": key.least, "maximum": key.most}
    return {"type": kind} | {name: limit for name, limit in bounds.items() if limit is not None}


def _named(member: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "patternProperties": {f"^{_LABEL}$": member}}


def _promotion() -> Schema:
    label = _pattern(_LABEL)
    return {"anyOf": [label, _list(label), _named(_NAME) | {"minProperties": 1}]}


def _multiline() -> Schema:
    return {"anyOf": [_words(keys_of(Multiline)["preset"].choices), _table(Multiline)]}


_KINDS: Final[dict[Kind, Callable[[Key], Schema]]] = {
    Kind.TEXT: lambda _: dict(_TEXT),
    Kind.NAME: lambda _: dict(_NAME),
    Kind.NAMES: lambda key: _list(_NAME, least=1 if key.required else 0),
    Kind.ONE_OR_MORE: lambda _: _or_list(_NAME),
    Kind.FLAG: lambda _: dict(_FLAG),
    Kind.COUNT: lambda key: _number("integer", key),
    Kind.NUMBER: lambda key: _number("number", key),
    Kind.DURATION: lambda _: {"anyOf": [_pattern(DURATION_PATTERN), {"type": "integer", "enum": [0]}]},
    Kind.SIZE: lambda key: {"anyOf": [_pattern(SIZE_PATTERN), _number("integer", key)]},
    Kind.CHOICE: lambda key: _words(key.choices),
    Kind.URL: lambda _: _pattern("[hH][tT][tT][pP][sS]?://[!-~]+"),
    Kind.DOCKER_HOST: lambda _: _pattern("unix:///.+|(?:[tT][cC][pP]|[hH][tT][tT][pP][sS]?)://[!-~]+"),
    Kind.LISTEN: lambda _: _pattern(r"(?:(?:\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]*):[0-9]{1,5})?"),
    Kind.TENANT: lambda _: _pattern(r"[A-Za-z0-9!\-_.*'()]{1,150}"),
    Kind.HEADERS: lambda _: {"type": "object", "additionalProperties": _TEXT},
    Kind.FILE: lambda key: dict(_TEXT if key.default == "" else _NAME),
    Kind.PATTERN: lambda _: dict(_TEXT),
    Kind.PATTERNS: lambda _: _list(_NAME, least=0),
    Kind.CAPTURE: lambda _: {"type": "string", "pattern": r"\(|\$\{"},
    Kind.PATH_LABELS: lambda _: dict(_GROUPS),
    Kind.FIELDS: lambda _: dict(_GROUPS),
    Kind.LABELS: lambda _: _named(_LABEL_VALUE),
    Kind.LABEL_NAMES: lambda _: _or_list(_pattern(_LABEL)),
    Kind.PROMOTION: lambda _: _promotion(),
    Kind.RENAMES: lambda _: {"type": "object", "additionalProperties": _pattern(_LABEL)},
    Kind.FORMATS: lambda _: _or_list(_NAME),
    Kind.TIMEZONE: lambda _: dict(_NAME),
    Kind.ENCODING: lambda _: dict(_NAME),
    Kind.MULTILINE: lambda _: _multiline(),
    Kind.PIPELINE: lambda _: {"anyOf": [{"type": "string", "enum": list(BUILT_IN_PIPELINES)}, _NAME]},
}
"""How each kind of value is written; tables are made of their keys, and what is reserved is unknown."""
