"""From one configuration to the next while the agent runs: what differs, and what of it cannot.

Rule 1: a source is changed exactly if its own table differs, or what its lines depend on (`resolve`): a global label, a
        pipeline, a limit of `[loki]` or `[agent]`.
Rule 2: keys are named, values are not: one may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shipper.config.mistakes import Mistakes, Path, key_text, shown
from shipper.config.model import Config, DockerSource, FileSource
from shipper.config.resolve import resolve
from shipper.config.schema import keys_of

FIXED: Final[tuple[Path, ...]] = (("agent", "data_dir"), ("agent", "listen"), ("agent", "web"))
"""What the running process holds on to: the journal's lock and the page's address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a new configuration changes: sources by name, other keys by their place."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.keys)


def changes(old: Config, new: Config) -> Changes:
    """What differs, each in the order of the new file, what is gone in that of the old one."""
    before = {source.name: source for source in old.sources}
    after = {source.name: source for source in new.sources}
    return Changes(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(
            name
            for name, source in after.items()
            if name in before and _depends_on(old, before[name]) != _depends_on(new, source)
        ),
        keys=tuple(key_text(path) for path in _different(old, new)),
    )


def note_fixed(old: Config, new: Config, mistakes: Mistakes) -> None:
    """Note what cannot change while the agent runs."""
    for path in _different(old, new):
        if path[:2] in FIXED:
            mistakes.note(path, f"expected {_value(old, path)} as before: it changes only with a restart of the agent")
    kinds = {source.name: type(source) for source in old.sources}
    for index, source in enumerate(new.sources):
        if kinds.get(source.name, type(source)) is not type(source):
            mistakes.note(
                ("source", index, "type"),
                "expected the type as before: positions in files and in containers have nothing in common; give "
                "the source another name",
            )


def _depends_on(config: Config, source: FileSource | DockerSource) -> tuple[object, ...]:
    return source, resolve(config, source)


def _different(old: Config, new: Config) -> Iterator[Path]:
    """The keys outside of sources that differ."""
    for section in ("loki", "agent"):
        yield from _in_tables((section,), getattr(old, section), getattr(new, section))
    yield from _in_mappings(("labels",), old.labels, new.labels)
    yield from _in_mappings(("pipeline",), old.pipelines, new.pipelines)


def _in_tables(path: Path, old: msgspec.Struct, new: msgspec.Struct) -> Iterator[Path]:
    for key in keys_of(type(new)).values():
        before, after = getattr(old, key.attribute), getattr(new, key.attribute)
        if isinstance(before, msgspec.Struct) and type(before) is type(after):
            yield from _in_tables((*path, key.name), before, after)
        elif before != after:
            yield (*path, key.name)


def _in_mappings(path: Path, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[Path]:
    yield from ((*path, name) for name in {**new, **old} if old.get(name) != new.get(name))


def _value(config: Config, path: Path) -> str:
    value: Any = config
    for part in path:
        value = getattr(value, str(part))
    return shown(list(value) if isinstance(value, tuple) else value)
