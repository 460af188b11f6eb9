"""The torture harness: that the agent stands it, and that an agent with a law taken away does not."""

import os
import time

import pytest
from benchmarks.torture.combine import combined
from benchmarks.torture.play import Settings, play
from benchmarks.torture.scenarios.all import SCENARIOS
from benchmarks.torture.table import row

pytestmark = pytest.mark.e2e

SHORT = (
    "kill",
    "machine-crash",
    "edited",
    "reload-kill",
    "traceback-cut",
    "rename-kill",
    "rotated-while-down",
    "copytruncate-kill",
    "truncate-regrow",
    "truncate-lost",
    "symlink",
    "partial-rotation",
    "500-stored",
    "late-kill",
    "partly-old",
    "hour-behind",
    "disk-full",
    "clock-back",
    "equal-lines",
    "nasty-lines",
)
"""One of each kind, and those that found most."""
PLANTED = {
    "commit_before_ack": ("refused", "missing"),
    "identity_by_offset": ("truncate-regrow", "duplicated"),
    "forgotten_ties": ("equal-lines", "out_of_order"),
    "blames_all": ("partly-old", "letters"),
    "goes_together": ("fast-stream", "missing"),
    "never_asks": ("sharded", "duplicated"),
}
"""A law that is taken away, the scenario that must see it, and as what."""


@pytest.fixture(scope="module")
def settings() -> Settings:
    seed = os.environ.get("SHIPPER_TEST_SEED", str(time.time_ns() % 10**6))
    print("seed", seed)
    return Settings(seed=seed, seconds=2.5, loki=os.environ.get("SHIPPER_TEST_LOKI_URL", "").rstrip("/"))


@pytest.mark.parametrize("name", SHORT)
def test_nothing_is_lost_doubled_torn_or_out_of_place(settings: Settings, name: str) -> None:
    result = play(SCENARIOS[name], settings)
    assert result.passed, f"\n{row(result)}"


@pytest.mark.parametrize("number", range(2))
def test_nor_is_it_when_several_troubles_meet(settings: Settings, number: int) -> None:
    result = play(combined(settings.seed, 2)[number], settings)
    assert result.passed, f"\n{result.says}\n{row(result)}"


@pytest.mark.parametrize("law", PLANTED)
def test_an_agent_without_one_of_its_laws_is_found_out(settings: Settings, law: str) -> None:
    # Always before the stand-in: another server may have room for what a scenario wants refused.
    without = Settings(seed=settings.seed, seconds=3.0, patience=3.0, plants=(law,))
    scenario, column = PLANTED[law]
    result = play(SCENARIOS[scenario], without)
    assert getattr(result.verdict, column) > 0, f"\n{row(result)}"
