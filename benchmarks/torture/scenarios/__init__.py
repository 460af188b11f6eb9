"""What happens, by kind of trouble; `SCENARIOS` is all of it, in the order in which it is played."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.torture.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One story: it configures the world, and plays until the trouble is over."""

    name: str
    says: str
    """What happens, for the table."""
    play: Callable[[World], None]
    limits: bool = False
    """Whether the embedded receiver has Loki's default limits."""
    rate: float = 1.0
    """Lines a second, as a multiple of the rate asked for."""


def by_name(*groups: tuple[Scenario, ...]) -> Mapping[str, Scenario]:
    """All scenarios of these groups by name."""
    scenarios = [scenario for group in groups for scenario in group]
    names = {scenario.name: scenario for scenario in scenarios}
    assert len(names) == len(scenarios), "two scenarios have one name"
    return names
