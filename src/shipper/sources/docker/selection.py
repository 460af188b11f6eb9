"""Which containers a source means, and why.

Rule 1: one is meant if `include` matches it or is empty, `exclude` does not, and it is not the agent's own.
Rule 2: of rules that list several kinds of things, an entry of each kind has to match. Patterns match the whole text.
Rule 3: every verdict names the rule it rests on, in the words of the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import re2

from shipper.config.model import DockerRules, DockerSource
from shipper.sources.docker.container import Container


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a container is meant, and the rule that says so."""

    included: bool
    rule: str


class Selection:
    """The rules of one source; `own`: the id of the container the agent runs in, "" if it runs in none."""

    def __init__(self, config: DockerSource, own: str = "") -> None:
        self._include = _Rules("include", config.include)
        self._exclude = _Rules("exclude", config.exclude)
        self._own = "" if config.own_container else own

    def judge(self, container: Container) -> Verdict:
        """The verdict on a container."""
        if self._own and container.id == self._own:
            return Verdict(False, "the agent's own container (own_container = false)")
        excluded = self._exclude.match(container)
        if excluded:
            return Verdict(False, excluded)
        if not self._include:
            return Verdict(True, "no include rules: every container")
        included = self._include.match(container)
        return Verdict(bool(included), included or "no include rule matches")


class _Rules:
    """One table of rules, compiled."""

    def __init__(self, key: str, rules: DockerRules) -> None:
        self._key = key
        self._names = [re2.compile(pattern) for pattern in rules.names]
        self._images = [re2.compile(pattern) for pattern in rules.images]
        self._labels = [label.partition("=") for label in rules.labels]

    def __bool__(self) -> bool:
        return bool(self._names or self._images or self._labels)

    def match(self, container: Container) -> str:
        """The entries that match, one of each kind; "" if one kind has none, or there are no rules."""
        found = list(self._found(container))
        return " and ".join(found) if found and all(found) else ""

    def _found(self, container: Container) -> Iterator[str]:
        if self._names:
            yield self._matching("names", self._names, container.name)
        if self._labels:
            yield self._label(container.labels)
        if self._images:
            yield self._matching("images", self._images, container.image)

    def _matching(self, kind: str, patterns: list[Any], text: str) -> str:
        hit = next((pattern.pattern for pattern in patterns if pattern.fullmatch(text)), None)
        return "" if hit is None else f"{self._key}.{kind} {hit!r}"

    def _label(self, labels: Mapping[str, str]) -> str:
        for name, equals, value in self._labels:
            if name in labels and (not equals or labels[name] == value):
                return f"{self._key}.labels {name + equals + value!r}"
        return ""
