"""Reads tables of TOML into the model, key by key, noting every mistake on the way.

Rule 1: the result has every attribute, also where the file was wrong (then the default, or an empty value), so that the
checks after it see the rest; it is handed out only if no mistake was noted.
Rule 2: an unknown key names the nearest known one, or what it is called here if another agent has it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, TypeVar

import msgspec

from shipper.config.kinds import Place, read
from shipper.config.mistakes import BROKEN, Mistakes, Path, Wrong, nearest, shown, type_of
from shipper.config.model import BUILT_IN_PIPELINES, STAGES, AnyStage, DockerSource, FileSource, Json, Multiline
from shipper.config.schema import Key, Kind, keys_of

T = TypeVar("T", bound=msgspec.Struct)

FOREIGN_KEYS: Final = {
    "batchsize": "batch_bytes",
    "batchwait": "batch_wait",
    "batch_size": "batch_bytes",
    "bearer_token": "bearer_token_file",
    "external_labels": "labels",
    "password": "password_file",
    "tenant_id": "tenant",
    "remote_timeout": "timeout",
    "tls_config": "tls",
    "path": "paths",
    "__path__": "paths",
    "path_targets": "paths",
    "pipeline_stages": "pipeline",
    "expression": "pattern",
    "regex": "pattern",
    "firstline": "start",
    "max_wait_time": "max_wait",
    "source": "from",
    "values": "value",
    "sources": "source",
    "pipelines": "pipeline",
}
"""Keys of Promtail, Alloy and others, and what they are called here."""

FOREIGN_STAGES: Final = {
    "labeldrop": "drop_labels",
    "label_drop": "drop_labels",
    "match": "drop",
    "sampling": "sample",
    "structured_metadata": "metadata",
    "template": "replace",
    "docker": "json",
}

_EMPTY: Final[dict[Kind, Any]] = {
    Kind.NAMES: (),
    Kind.LABEL_NAMES: (),
    Kind.LABELS: {},
    Kind.PROMOTION: {},
    Kind.SIZE: 64,
    Kind.NUMBER: 1.0,
}
"""What stands for a required value that is missing or wrong; "" for the other kinds."""


def read_table(table: type[T], value: Any, path: Path, mistakes: Mistakes, *, ignore: Collection[str] = ()) -> T:
    """The struct of a table; `ignore` are keys that the caller reads."""
    if value is BROKEN or not isinstance(value, dict):
        if value is not BROKEN:
            mistakes.note(path, f"expected a table, got {type_of(value)}")
        value = {}
        required: Collection[str] = ()
    else:
        required = [key.name for key in keys_of(table).values() if key.required]
    keys = keys_of(table)
    note_unknown(value, [*keys, *ignore], path, mistakes)
    for name in required:
        if name not in value:
            mistakes.note(path, f"expected the key {name} ({keys[name].kind}), got none")
    return table(**{key.attribute: _attribute(key, value, path, mistakes) for key in keys.values()})


def note_unknown(value: dict[str, Any], known: Collection[str], path: Path, mistakes: Mistakes) -> None:
    """Notes each key that is not among the known ones."""
    for name in value:
        if name not in known:
            mistakes.note((*path, name), f"expected a known key, got {shown(name)}; {_cure(name, known)}")


def read_source(value: Any, path: Path, mistakes: Mistakes) -> FileSource | DockerSource:
    """A `[[source]]`; one without a valid type is read as what its keys look like."""
    table: type[FileSource | DockerSource] = FileSource
    if isinstance(value, dict):
        kind = value.get("type")
        docker = kind == "docker" or (kind != "file" and "paths" not in value and "host" in value)
        table = DockerSource if docker else FileSource
        if kind not in ("file", "docker") and kind is not BROKEN:
            got = "none" if kind is None else shown(kind)
            cure = nearest(kind, ("file", "docker")) if isinstance(kind, str) else 'write type = "file"'
            place = (*path, "type") if "type" in value else path
            mistakes.note(place, f'expected type = "file" or "docker", got {got}{f"; {cure}" if cure else ""}')
    return read_table(table, value, path, mistakes, ignore=("type",))


def read_stage(value: Any, path: Path, mistakes: Mistakes) -> AnyStage:
    """A stage of a pipeline; in place of a wrong one `json`, which may make any field."""
    if value is BROKEN:
        return Json()
    if not isinstance(value, dict):
        mistakes.note(path, f"expected a table with the key stage, got {type_of(value)}")
        return Json()
    name = value.get("stage")
    stages = {str(stage.__struct_config__.tag): stage for stage in STAGES}
    if not isinstance(name, str) or name not in stages:
        if name is not BROKEN:
            mistakes.note((*path, "stage"), _unknown_stage(name, list(stages)))
        return Json()
    stage: Any = read_table(stages[name], value, path, mistakes, ignore=("stage",))
    return stage  # type: ignore[no-any-return]


def read_pipelines(value: Any, path: Path, mistakes: Mistakes) -> dict[str, tuple[AnyStage, ...]]:
    """Every `[[pipeline.NAME]]`."""
    if not isinstance(value, dict):
        mistakes.note(path, f"expected pipelines, written [[pipeline.NAME]], got {type_of(value)}")
        return {}
    return {name: _stages(stages, (*path, name), mistakes) for name, stages in value.items()}


def _stages(value: Any, path: Path, mistakes: Mistakes) -> tuple[AnyStage, ...]:
    if not isinstance(value, list):
        mistakes.note(path, f"expected a list of stages, written [[{'.'.join(map(str, path))}]], got {type_of(value)}")
        return ()
    return tuple(read_stage(stage, (*path, index), mistakes) for index, stage in enumerate(value))


def _attribute(key: Key, value: dict[str, Any], path: Path, mistakes: Mistakes) -> Any:
    """The value of one key: what was written if it is right, else its stand-in."""
    written = value.get(key.name, BROKEN)
    if written is BROKEN:
        return _stand_in(key)
    place = Place(key=key, path=(*path, key.name), mistakes=mistakes)
    try:
        if key.kind is Kind.TABLE:
            return read_table(key.type, written, place.path, mistakes)
        if key.kind is Kind.MULTILINE:
            return _multiline(written, place)
        return read(written, place)
    except Wrong as wrong:
        mistakes.note(place.path, str(wrong))
        return _stand_in(key)


def _stand_in(key: Key) -> Any:
    return _EMPTY.get(key.kind, "") if key.required else key.default


def _multiline(value: Any, place: Place) -> Multiline:
    """A preset's name or a table with either `preset` or `start`."""
    preset = keys_of(Multiline)["preset"]
    if not isinstance(value, dict):
        if not isinstance(value, str) or value not in preset.choices:
            cure = nearest(value, preset.choices) if isinstance(value, str) else ""
            raise Wrong(f"expected {place.key.kind.value}, got {shown(value)}{f'; {cure}' if cure else ''}")
        return read_table(Multiline, {"preset": value}, place.path, place.mistakes)
    if len({"preset", "start"} & set(value)) != 1:
        place.mistakes.note(place.path, "expected either preset or start in the table, got both or none")
    return read_table(Multiline, value, place.path, place.mistakes)


def _cure(name: str, known: Collection[str]) -> str:
    own = FOREIGN_KEYS.get(name.casefold())
    if own in known:
        return f'did you mean "{own}"?'
    return nearest(name, known) or f"known are {', '.join(sorted(known))}"


def _unknown_stage(name: Any, stages: list[str]) -> str:
    if name is None:
        return f"expected the key stage (one of {', '.join(stages)}), got none"
    if name == "multiline":
        return "expected a stage, got \"multiline\"; it is a key of the source: multiline = { start = 'pattern' }"
    own = FOREIGN_STAGES.get(name, "") if isinstance(name, str) else ""
    cure = f'did you mean "{own}"?' if own else nearest(name, stages) if isinstance(name, str) else ""
    return f"expected a stage, got {shown(name)}; {cure or 'stages are ' + ', '.join(stages)}"


def pipeline_names(own: Collection[str]) -> tuple[str, ...]:
    """Every pipeline a source can name."""
    return tuple(dict.fromkeys([*own, *BUILT_IN_PIPELINES]))
