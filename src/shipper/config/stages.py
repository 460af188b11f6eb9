"""The stages of a pipeline, as data: one frozen Struct each, told apart by `stage`.

Rule 1: a stage holds what was configured and nothing compiled; the pipeline package makes functions of it.
Rule 2: lists and one-string forms of TOML are normalised here, so each attribute has one type.
Rule 3: a promotion (`labels`, `metadata`) maps the new name to the field.
Rule 4: `from` and `with` are words of Python, so the attributes are `from_` and `with_`; the keys in TOML are not.
"""

from __future__ import annotations

from typing import Annotated, Final, get_args

import msgspec

from shipper.config.schema import Kind, key


class Stage(msgspec.Struct, frozen=True, kw_only=True, tag_field="stage", forbid_unknown_fields=True):
    """One step of a pipeline."""


class Json(Stage, tag="json", frozen=True, kw_only=True):
    """Reads the line as one JSON object; its top-level members become fields.

    A line that is no JSON object passes through untouched and is counted.
    """

    message: Annotated[
        tuple[str, ...],
        key("The first of these members that is a non-empty string becomes the message.", Kind.ONE_OR_MORE),
    ] = ("event", "message")


class Logfmt(Stage, tag="logfmt", frozen=True, kw_only=True):
    """Reads `name=value` pairs, values in double quotes or bare, into fields."""

    message: Annotated[
        tuple[str, ...],
        key("The first of these fields that is not empty becomes the message.", Kind.ONE_OR_MORE),
    ] = ("msg", "message")


class Regex(Stage, tag="regex", frozen=True, kw_only=True):
    """Searches a pattern; its named groups become fields."""

    pattern: Annotated[str, key("The pattern; it is searched, so anchor it with `^` where needed.", Kind.FIELDS)]
    from_: Annotated[str | None, key("The field to search in; without it the line.", Kind.NAME)] = msgspec.field(
        name="from", default=None
    )


class Detect(Stage, tag="detect", frozen=True, kw_only=True):
    """Finds `level` and `timestamp` at their own positions in the known text formats.

    Known are vLLM, uvicorn, gunicorn, MLflow, alembic, Python's logging and syslog.
    """


class Timestamp(Stage, tag="timestamp", frozen=True, kw_only=True):
    """Takes the entry's time from a field; a value that cannot be read is counted and the line keeps its place."""

    from_: Annotated[str, key("The field that holds the time.", Kind.NAME)] = msgspec.field(
        name="from", default="timestamp"
    )
    format: Annotated[tuple[str, ...], key("How the time is written.", Kind.FORMATS)] = ("auto",)


class Labels(Stage, tag="labels", frozen=True, kw_only=True):
    """Makes labels of fields; a missing or empty field makes no label."""

    from_: Annotated[dict[str, str], key("The fields to promote.", Kind.PROMOTION)] = msgspec.field(name="from")


class StaticLabels(Stage, tag="static_labels", frozen=True, kw_only=True):
    """Sets labels to fixed values."""

    labels: Annotated[dict[str, str], key("The labels to set.", Kind.LABELS)]


class DropLabels(Stage, tag="drop_labels", frozen=True, kw_only=True):
    """Removes labels, wherever they came from."""

    names: Annotated[tuple[str, ...], key("The labels to remove.", Kind.LABEL_NAMES)]


class Metadata(Stage, tag="metadata", frozen=True, kw_only=True):
    """Puts fields into structured metadata (Loki 3); a missing field puts nothing."""

    from_: Annotated[dict[str, str], key("The fields to attach.", Kind.PROMOTION)] = msgspec.field(name="from")


class Output(Stage, tag="output", frozen=True, kw_only=True):
    """Makes a field the entry's text; where it is missing the text stays."""

    from_: Annotated[str, key('The field; `"message"` is the message found by json or logfmt.', Kind.NAME)] = (
        msgspec.field(name="from", default="message")
    )


class Drop(Stage, tag="drop", frozen=True, kw_only=True):
    """Drops lines that match `pattern` or whose `field` has one of the values (or matches `pattern`)."""

    pattern: Annotated[str | None, key("Searched in the text, or in `field` if given.", Kind.PATTERN)] = None
    field: Annotated[str | None, key("The field to look at instead of the text.", Kind.NAME)] = None
    value: Annotated[tuple[str, ...], key("The field's value, or a list of values.", Kind.ONE_OR_MORE)] = ()


class Keep(Stage, tag="keep", frozen=True, kw_only=True):
    """Drops every line that does not match; the opposite of `drop`."""

    pattern: Annotated[str | None, key("Searched in the text, or in `field` if given.", Kind.PATTERN)] = None
    field: Annotated[str | None, key("The field to look at instead of the text.", Kind.NAME)] = None
    value: Annotated[tuple[str, ...], key("The field's value, or a list of values.", Kind.ONE_OR_MORE)] = ()


class Replace(Stage, tag="replace", frozen=True, kw_only=True):
    r"""Replaces every match of a pattern, in the text or in one field: for secrets."""

    pattern: Annotated[str, key("What to replace.", Kind.PATTERN)]
    with_: Annotated[str, key(r"The replacement; `\1` or `\g<name>` stand for a group.", Kind.TEXT)] = msgspec.field(
        name="with"
    )
    from_: Annotated[str | None, key("The field to change; without it the text.", Kind.NAME)] = msgspec.field(
        name="from", default=None
    )


class Decolorize(Stage, tag="decolorize", frozen=True, kw_only=True):
    """Removes terminal colour codes from the text."""


class Truncate(Stage, tag="truncate", frozen=True, kw_only=True):
    """Cuts texts that are longer, on a character boundary, and marks the cut."""

    bytes: Annotated[int, key("The longest text, the mark included.", Kind.SIZE, least=64)]


class Sample(Stage, tag="sample", frozen=True, kw_only=True):
    """Keeps a share of the lines, chosen by a hash of file generation and offset, so a replay chooses the same."""

    rate: Annotated[float, key("The share that is kept.", Kind.NUMBER, least=0, most=1)]


class Limit(Stage, tag="limit", frozen=True, kw_only=True):
    """Slows the source down to a rate; it never drops."""

    rate: Annotated[float, key("Lines per second.", Kind.NUMBER, least=0.001)]


class Tenant(Stage, tag="tenant", frozen=True, kw_only=True):
    """Sends the line to another tenant, a fixed one or the one a field names."""

    from_: Annotated[str | None, key("The field that names the tenant.", Kind.NAME)] = msgspec.field(
        name="from", default=None
    )
    value: Annotated[str | None, key("The tenant.", Kind.TENANT)] = None


class Cri(Stage, tag="cri", frozen=True, kw_only=True):
    """Reads the CRI format `time stream P|F text`: joins partial lines, sets the fields `stream` and `timestamp`."""


class Auto(Stage, tag="auto", frozen=True, kw_only=True):
    """The built-in pipeline "json" if the line is a JSON object, else "text"."""


AnyStage = (
    Json
    | Logfmt
    | Regex
    | Detect
    | Timestamp
    | Labels
    | StaticLabels
    | DropLabels
    | Metadata
    | Output
    | Drop
    | Keep
    | Replace
    | Decolorize
    | Truncate
    | Sample
    | Limit
    | Tenant
    | Cri
    | Auto
)

STAGES: Final[tuple[type[Stage], ...]] = get_args(AnyStage)
"""Every stage, in the order of the reference."""

PLAINTEXT: Final[tuple[AnyStage, ...]] = ()
JSON: Final[tuple[AnyStage, ...]] = (Json(), Timestamp(), Labels(from_={"level": "level"}))
TEXT: Final[tuple[AnyStage, ...]] = (Detect(), Timestamp(), Labels(from_={"level": "level"}))

BUILT_IN_PIPELINES: Final[dict[str, tuple[AnyStage, ...]]] = {
    "plaintext": PLAINTEXT,
    "json": JSON,
    "text": TEXT,
    "auto": (Auto(),),
}
"""The pipelines that are there without writing them; a `[[pipeline.NAME]]` of the same name replaces one."""
