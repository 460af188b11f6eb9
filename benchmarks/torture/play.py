"""Plays scenarios one after the other, each in a world of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.torture.agent import Failed
from benchmarks.torture.loki import embedded
from benchmarks.torture.oracle import Verdict
from benchmarks.torture.scenarios import Scenario
from benchmarks.torture.table import Result
from benchmarks.torture.world import World, world


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What holds for all scenarios of a run."""

    seconds: float = 8.0
    rate: float = 2000.0
    seed: str
    loki: str = ""
    """A Loki that is there; the embedded receiver if empty."""
    version: str = "3.4"
    """What the embedded receiver is."""
    keep: bool = False
    """Whether the worlds' directories stay."""
    patience: float = 40.0
    """Seconds without progress after which what is missing is missing."""
    plants: tuple[str, ...] = field(default=())
    """Bugs for every agent: the run must fail."""


def play(scenario: Scenario, settings: Settings) -> Result:
    """Play one scenario to its verdict."""
    root = Path(tempfile.mkdtemp(prefix=f"torture-{scenario.name}-"))
    begun = time.monotonic()
    with ExitStack() as stack:
        url = settings.loki or stack.enter_context(_receiver(scenario, settings))
        made = stack.enter_context(
            world(
                root, url, seed=f"{settings.seed}/{scenario.name}", seconds=settings.seconds,
                rate=settings.rate * scenario.rate, patience=settings.patience, keep=settings.keep,
            )
        )  # fmt: skip
        made.plant(settings.plants)
        verdict = _verdict(scenario, made)
        return Result(
            name=scenario.name, says=scenario.says, seed=settings.seed, verdict=verdict, lives=made.agent.lives,
            memory=made.agent.memory, struck=made.relay.struck, seconds=time.monotonic() - begun,
        )  # fmt: skip


def play_all(scenarios: Sequence[Scenario], settings: Settings) -> Iterator[Result]:
    """Play several, one after the other."""
    for scenario in scenarios:
        yield play(scenario, settings)


def _verdict(scenario: Scenario, made: World) -> Verdict:
    """What the oracle says; where the story itself went wrong, that too."""
    try:
        scenario.play(made)
        return made.verdict or made.judge()
    except Failed as failed:
        made.remarks.insert(0, str(failed))
    try:
        return made.judge()
    except Failed as failed:
        return Verdict(remarks=[*made.remarks, str(failed)])


@contextmanager
def _receiver(scenario: Scenario, settings: Settings) -> Iterator[str]:
    with embedded(limits="on" if scenario.limits else "off", version=settings.version) as url:
        yield url
