"""From a configuration to what one source's lines depend on, and that as JSON and back.

Rule 1: `decode_resolved(encode_resolved(r)) == r`, and equal values have equal bytes, so equal epochs.
Rule 2: nothing else of the configuration decides a line's labels, time or text (design, law 2).
"""

from __future__ import annotations

import hashlib

import msgspec

from shipper.config.model import (
    BUILT_IN_PIPELINES,
    AnyStage,
    Config,
    DockerSource,
    FileSource,
    ResolvedSource,
)

EPOCH_LENGTH = 16
"""Hexadecimal digits of an epoch: 64 bits, far more than the few epochs one journal sees."""


def stages_of(config: Config, pipeline: str) -> tuple[AnyStage, ...]:
    """The stages of a pipeline; one of the user's own replaces a built-in one. KeyError if there is none."""
    own = config.pipelines.get(pipeline)
    return BUILT_IN_PIPELINES[pipeline] if own is None else own


def static_labels(config: Config, source: FileSource | DockerSource) -> dict[str, str]:
    """The labels every line of a source has; the source's own win, and an empty value removes a label."""
    merged = {**config.labels, **source.labels}
    return {name: merged[name] for name in sorted(merged) if merged[name]}


def resolve(config: Config, source: FileSource | DockerSource) -> ResolvedSource:
    """All that decides what becomes of a source's lines."""
    own = _file_part(source) if isinstance(source, FileSource) else _docker_part(source)
    resolved = ResolvedSource(
        name=source.name,
        type="file" if isinstance(source, FileSource) else "docker",
        labels=static_labels(config, source),
        pipeline=source.pipeline,
        stages=stages_of(config, source.pipeline),
        multiline=source.multiline,
        timezone=source.timezone,
        encoding=source.encoding,
        keep_blank_lines=source.keep_blank_lines,
        max_label_values=source.max_label_values,
        max_line_bytes=config.agent.max_line_bytes,
        max_age=config.loki.max_age,
        max_ahead=config.loki.max_ahead,
        too_old=config.loki.too_old,
        too_new=config.loki.too_new,
    )
    return msgspec.structs.replace(resolved, **own)


def encode_resolved(resolved: ResolvedSource) -> bytes:
    """Canonical JSON: every field, tables ordered by key."""
    return msgspec.json.encode(resolved, order="deterministic")


def decode_resolved(data: bytes) -> ResolvedSource:
    """The inverse of `encode_resolved`; msgspec.ValidationError or DecodeError if `data` is something else."""
    return msgspec.json.decode(data, type=ResolvedSource)


def epoch(resolved: ResolvedSource) -> str:
    """The name of this resolution: equal exactly if the canonical JSON is (up to hash collisions)."""
    return hashlib.blake2b(encode_resolved(resolved)).hexdigest()[:EPOCH_LENGTH]


def _file_part(source: FileSource) -> dict[str, object]:
    return {"path_labels": source.path_labels, "filename_label": source.filename_label}


def _docker_part(source: DockerSource) -> dict[str, object]:
    return {"name_pattern": source.name_pattern, "label_map": source.label_map}
