"""The programs that read the stack's files as those who run it have them: Docker Compose's own loader, and promtool."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def checker(name: str) -> str:
    """Where it is; without it the test fails in CI, and is skipped elsewhere."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if found is None:
        missing = f"{name} is missing: sh scripts/checkers.sh"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    return found
