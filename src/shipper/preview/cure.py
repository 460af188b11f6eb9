"""What to write into the configuration so that fields are read which the pipeline leaves.

Rule 1: what it proposes can be copied as it is: a built-in pipeline is written out under a name of its own, since
        another one of its own name would change other sources too (tests/preview/test_cure.py loads and runs it).
Rule 2: a proposed stage stands before the one that was there, whose field wins in lines that have both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from shipper.config.model import BUILT_IN_PIPELINES, Auto, ResolvedSource
from shipper.pipeline.labels import LEVEL
from shipper.preview.unread import Unread

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")

Table = Mapping[str, str]
"""A stage: its keys, and their values as TOML."""


def cure(resolved: ResolvedSource, unread: Unread) -> str:
    """A sentence, and the lines of TOML it is about; "" if every field is read."""
    fields = {role: field for role, (field, _) in unread.commonest().items()}
    if not fields:
        return ""
    reads = {role.name: role.read for role in unread.roles}
    message = _text([*reads["message"], fields["message"]]) if "message" in fields else ""
    if resolved.stages == BUILT_IN_PIPELINES.get(resolved.pipeline):
        text = unread.texts > 0 and isinstance(resolved.stages[0], Auto)
        return _replacement(resolved.name, message, fields, text=text)
    return _additions(resolved.pipeline, message, fields)


def _replacement(source: str, message: str, fields: Mapping[str, str], *, text: bool) -> str:
    """A pipeline of the source's own instead of a built-in one; `text`: it has to read text lines too."""
    name = f"{source}-lines" if source in BUILT_IN_PIPELINES else source
    stages: list[Table] = [
        *([{"stage": '"detect"'}] if text else []),
        {"stage": '"json"', **({"message": message} if message else {})},
        *_stages(fields),
        *_stages({"time": "timestamp", LEVEL: "level"}),
    ]
    return f"to read them, add this, and give the source pipeline = {_text(name)}\n{_tables(name, stages)}"


def _additions(pipeline: str, message: str, fields: Mapping[str, str]) -> str:
    """What a pipeline of the configuration lacks."""
    stages = _stages(fields)
    edits = [f"write message = {message} in the json stage of pipeline {pipeline!r}"] if message else []
    if stages:
        edits.append(f"put this behind the json stage of pipeline {pipeline!r}")
    return "\n".join([f"to read them, {', and '.join(edits)}", *([_tables(pipeline, stages)] if stages else [])])


def _stages(fields: Mapping[str, str]) -> list[Table]:
    """The stages that take time and level from these fields."""
    stages: list[Table] = []
    if "time" in fields:
        stages.append({"stage": '"timestamp"', "from": _text(fields["time"])})
    if LEVEL in fields:
        stages.append({"stage": '"labels"', "from": f"{{ level = {_text(fields[LEVEL])} }}"})
    return stages


def _tables(pipeline: str, stages: list[Table]) -> str:
    name = pipeline if _BARE.fullmatch(pipeline) else _text(pipeline)
    lines = [[f"[[pipeline.{name}]]", *(f"{key} = {value}" for key, value in stage.items())] for stage in stages]
    return "\n".join(line for table in lines for line in table)


def _text(value: str | list[str]) -> str:
    """A string, or a list of them, as TOML writes it."""
    return json.dumps(value, ensure_ascii=False)
