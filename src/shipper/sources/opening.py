"""From a source's configuration to the source itself: the one place that knows every kind.

Rule 1: a kind is imported when a source of it is configured: Docker's brings in an HTTP client.
Rule 2: positions in files and in containers have nothing in common: a source does not change its type under one name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from shipper.chunk import Moment
from shipper.clock import Clock
from shipper.config import model
from shipper.errors import ConfigError
from shipper.failures import Failures
from shipper.sources.file.held import HeldDeleted
from shipper.sources.file.source import FileSource
from shipper.sources.step import Generation, Grouper, Source


def check_type(config: model.FileSource | model.DockerSource, known: Iterable[Generation]) -> None:
    """Raise ConfigError if what the journal knows of a source is of another type."""
    is_docker = isinstance(config, model.DockerSource)
    if all(isinstance(generation.fingerprint, Moment) == is_docker for generation in known):
        return
    now, before = ("docker", "file") if is_docker else ("file", "docker")
    raise ConfigError(
        f'source {config.name}: it is of type "{now}", and the journal has its positions from when it was of type '
        f'"{before}"',
        hint=f"give it another name, or forget what was read under this one: shipper positions reset {config.name}",
    )


def open_source(
    resolved: model.ResolvedSource,
    config: model.FileSource | model.DockerSource,
    known: Sequence[Generation],
    *,
    clock: Clock,
    failures: Failures,
    new_generation: Callable[[], int],
    grouper: Grouper | None,
    first_start: bool,
    epochs: Mapping[str, model.ResolvedSource],
    held: HeldDeleted,
    once: bool,
    before: Source | None = None,
) -> Source:
    """The source of a configuration, where the journal left it.

    `held`: what deleted files take, of all sources; `once`: it ends with what there is now; `before`: what it
    takes the place of in this process, which has ended its steps and is to be closed. Raises ConfigError, as does
    `check_type`.
    """
    check_type(config, known)
    if isinstance(config, model.FileSource):
        return FileSource(
            resolved,
            config,
            known,
            clock=clock,
            failures=failures,
            new_generation=new_generation,
            grouper=grouper,
            first_start=first_start,
            epochs=epochs,
            held=held,
            before=before if isinstance(before, FileSource) else None,
        )
    from shipper.sources.docker.source import DockerSource

    return DockerSource(
        resolved,
        config,
        known,
        clock=clock,
        failures=failures,
        new_generation=new_generation,
        grouper=grouper,
        first_start=first_start,
        epochs=epochs,
        once=once,
    )
