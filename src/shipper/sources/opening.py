"""From a source's configuration to the source itself: the one place that knows every kind.

Rule 1: a kind is imported when a source of it is configured: Docker's brings in an HTTP client.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from shipper.clock import Clock
from shipper.config import model
from shipper.failures import Failures
from shipper.sources.file.held import HeldDeleted
from shipper.sources.file.source import FileSource
from shipper.sources.step import Generation, Grouper, Source


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
    takes the place of in this process, which has ended its steps and is to be closed.
    """
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
