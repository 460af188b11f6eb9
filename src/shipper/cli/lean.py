"""What is left out of the agent's process: rich, which others import if it is there though the agent shows nothing.

structlog imports it for tracebacks and httpx for its own command line; together 30 ms and 10 MiB for nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast

NOT_WANTED = ("rich", "httpx._main")


@contextmanager
def without_rich() -> Iterator[None]:
    """Within this block `import rich` and `import httpx._main` fail, as if they were not installed; both have
    importers that are prepared for that. Modules imported already stay."""
    hidden = [name for name in NOT_WANTED if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = cast(ModuleType, None)
    try:
        yield
    finally:
        for name in hidden:
            if sys.modules.get(name, sys) is None:
                del sys.modules[name]
