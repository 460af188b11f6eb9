"""What the journal knows of a file or a container.

Rule 1: it is read beside a running agent and never written; what keeps it from being read is told, and is no error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shipper.errors import JournalError
from shipper.positions import State, summary
from shipper.sources.step import Generation

MOST: Final = 5
"""Generations told of one path, the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What one source has noted."""

    generations: tuple[Generation, ...] = ()
    """Newest last."""
    demoted: tuple[str, ...] = ()
    trouble: str = ""
    """Why the journal could not be read."""

    @property
    def newest(self) -> int:
        """The number of the generation that was noted last; 0: there is none."""
        return self.generations[-1].id if self.generations else 0

    def documents(self) -> list[dict[str, Any]]:
        """The positions, as JSON."""
        return [summary(generation) for generation in self.generations]


def known_of(data_dir: str, source: str, meant: Callable[[Generation], bool]) -> Known:
    """The generations of a source that `meant` picks."""
    try:
        with State(Path(data_dir)) as state:
            found = [generation for generation in state.positions(source) if meant(generation)]
            return Known(generations=tuple(found[-MOST:]), demoted=state.demoted(source))
    except JournalError as error:
        return Known(trouble=error.message)
