"""Every scenario, by name."""

from __future__ import annotations

from benchmarks.torture.scenarios import by_name
from benchmarks.torture.scenarios.answers import ANSWERS
from benchmarks.torture.scenarios.containers import CONTAINERS
from benchmarks.torture.scenarios.crashes import CRASHES
from benchmarks.torture.scenarios.machine import MACHINE
from benchmarks.torture.scenarios.reloads import RELOADS
from benchmarks.torture.scenarios.rotations import ROTATIONS
from benchmarks.torture.scenarios.times import TIMES

SCENARIOS = by_name(CRASHES, RELOADS, ROTATIONS, ANSWERS, MACHINE, TIMES, CONTAINERS)
