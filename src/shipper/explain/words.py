"""What a stage did, in words.

Rule 1: what a stage changed is told from the state before and after it, so no stage has to say it itself.
Rule 2: where nothing changed, the words say why, as far as the configuration tells: `nothing: no field 'level'`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from shipper.config.model import AnyStage, Auto, Detect, Drop, Keep, Labels, Metadata, Output, Sample
from shipper.explain.watch import State, Step
from shipper.pipeline.labels import LEVEL
from shipper.pipeline.levels import level_of
from shipper.pipeline.stages.objects import read_object
from shipper.pipeline.texts import scalar_text
from shipper.pipeline.window import written

MOST_NAMES: Final = 12
"""Fields told by name."""
REASONS: Final = {
    "not_json": "it is not JSON, so it passes untouched",
    "not_object": "it is JSON but no object, so it passes untouched",
    "json_too_deep": "its JSON is nested too deeply, so it passes untouched",
    "json_non_standard": "its JSON has what the standard forbids (NaN, Infinity, lone surrogates); it was read all the "
    "same",
    "not_logfmt": "it has no name=value pairs, so it passes untouched",
    "not_cri": "it is not in the CRI format, so it passes untouched",
    "no_match": "the pattern does not match",
    "timestamp_unparsable": "the time cannot be read, lies before 2000 or more than a day ahead",
    "tenant_invalid": "that is no name of a tenant",
    "truncated": "the text was longer than the stage allows",
    "invalid_utf8": "bytes that are not in the source's encoding became U+FFFD",
    "cut": "longer than max_line_bytes: cut and marked",
    "nul_hole": "the NUL bytes at its beginning were cut off",
    "label_limit": "it has more labels than the 15 that Loki takes",
    "label_too_long": "a label is longer than the 2048 bytes that Loki takes",
    "redraw": "a redrawn line (carriage returns): its last state is kept",
}
"""What the reasons of `shipper_parse_fallbacks_total` mean for one line."""


def did(step: Step) -> str:
    """What a stage did to a record: changes first, then what it could not do."""
    told = [*_way(step), *_changes(step.before, step.after)]
    if step.counts:
        told.append(meanings(step.counts))
    if step.held:
        told.append("kept back: a part of the line that ends later")
    elif step.dropped:
        told.append("dropped")
    return "; ".join(told) or _nothing(step)


def meanings(names: Iterable[str]) -> str:
    """What reasons of the counters mean for one line."""
    return "; ".join(REASONS.get(name, name) for name in names)


def _way(step: Step) -> Iterator[str]:
    if isinstance(step.configured, Auto):
        is_object = read_object(step.before.text)[0] is not None
        yield "a JSON object: as pipeline json" if is_object else "no JSON object: as pipeline text"


def _changes(before: State, after: State) -> Iterator[str]:
    fields = [name for name, value in after.fields.items() if before.fields.get(name, after) != value]
    if fields:
        yield f"{'field' if len(fields) == 1 else 'fields'} {_names(fields)}"
    if after.message is not None and after.message != before.message:
        yield "a message"
    if after.text != before.text:
        yield f"text changed, {len(before.text)} to {len(after.text)} bytes"
    yield from _pairs("label", dict(before.labels), dict(after.labels))
    yield from _pairs("metadata", before.metadata, after.metadata)
    if after.time is not None and after.time != before.time:
        yield f"time {written(after.time)}"
    if after.tenant != before.tenant:
        yield f"tenant {after.tenant}"


def _pairs(what: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    for name, value in list(changed.items())[:MOST_NAMES]:
        yield f"{what} {name}={value}" if value else f"{what} {name} removed"


def _names(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _nothing(step: Step) -> str:
    """Why a stage changed nothing."""
    if isinstance(step.configured, Drop | Keep | Sample):
        return "lets it pass"
    if isinstance(step.configured, Detect):
        return "nothing: in no known text format"
    why = _why(step.configured, step.before)
    return f"nothing: {why}" if why else "nothing"


def _why(stage: AnyStage, state: State) -> str:
    missing = [name for name in _fields_of(stage) if not _has(state, name, message=isinstance(stage, Output))]
    if missing:
        return f"no {'field' if len(missing) == 1 else 'fields'} {', '.join(map(repr, missing))}"
    if isinstance(stage, Labels) and LEVEL in stage.from_ and not level_of(state.fields.get(stage.from_[LEVEL])):
        return f"{str(state.fields.get(stage.from_[LEVEL]))[:40]!r} is no level"
    if isinstance(stage, Labels | Metadata):
        flat = any(scalar_text(state.fields.get(name)) for name in stage.from_.values())
        return "" if flat else "no object, list or empty text is taken"
    return ""


def _fields_of(stage: AnyStage) -> tuple[str, ...]:
    """The fields a stage reads."""
    read = getattr(stage, "from_", None) or getattr(stage, "field", None) or ()
    if isinstance(read, str):
        return (read,)
    return tuple(read.values()) if isinstance(read, Mapping) else ()


def _has(state: State, name: str, *, message: bool) -> bool:
    if message and name == "message" and state.message is not None:
        return True
    return state.fields.get(name) not in (None, "")
