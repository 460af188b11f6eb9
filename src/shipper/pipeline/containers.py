"""The labels that the lines of a container have by themselves.

Rule 1: a function of the configuration and of the facts in `Origin.facts` alone, so a replay finds the same labels when
        the container is long gone.
Rule 2: `name_pattern` matches the whole name; where it does not, the name is the label as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import re2

from shipper.config.model import ResolvedSource

ID: Final = "id"
NAME: Final = "name"
STREAM: Final = "stream"
LABEL: Final = "label:"
"""What stands before the name of a container's label."""
COMPOSE: Final = {"com.docker.compose.service": "compose_service", "com.docker.compose.project": "compose_project"}
"""Container labels that Compose sets, and the labels made of them."""

Facts = tuple[tuple[str, str], ...]


class ContainerLabels:
    """What one source makes of its containers."""

    def __init__(self, resolved: ResolvedSource) -> None:
        self._pattern: Any = re2.compile(resolved.name_pattern)
        self._map = COMPOSE | resolved.label_map

    def __call__(self, facts: Facts) -> dict[str, str]:
        """The labels of a container's stream; those without a value are left out. None for what is no container."""
        known = dict(facts)
        if NAME not in known:
            return {}
        labels = {"container": self._container(known[NAME]), "stream": known[STREAM]}
        labels |= {label: known.get(LABEL + name, "") for name, label in self._map.items()}
        return {name: value for name, value in labels.items() if value}

    def _container(self, name: str) -> str:
        match = self._pattern.fullmatch(name)
        return (match[1] if match is not None else "") or name


def facts_of(container: str, name: str, stream: str, labels: Mapping[str, str], wanted: Iterable[str]) -> Facts:
    """The facts of a container's stream; of its labels those that may be wanted."""
    own = tuple((f"{LABEL}{key}", labels[key]) for key in sorted({*COMPOSE, *wanted}) if key in labels)
    return ((ID, container), (NAME, name), (STREAM, stream), *own)
