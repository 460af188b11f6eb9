"""Many containers on both streams while the agent is killed, containers are restarted, and the engine too."""

from __future__ import annotations

import os
import time

import pytest
from benchmarks.torture.play import Settings, play
from benchmarks.torture.scenarios.all import SCENARIOS
from benchmarks.torture.table import row

pytestmark = pytest.mark.e2e


@pytest.mark.usefixtures("docker")
def test_many_containers_lose_and_double_nothing_whatever_is_killed() -> None:
    seed = os.environ.get("SHIPPER_TEST_SEED", str(time.time_ns() % 10**6))
    print("seed", seed)
    loki = os.environ.get("SHIPPER_TEST_LOKI_URL", "").rstrip("/")
    result = play(SCENARIOS["containers"], Settings(seed=seed, seconds=10.0, loki=loki))
    assert result.passed, f"\n{row(result)}"
