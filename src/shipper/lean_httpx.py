"""httpx without what nobody here needs of it: `from shipper.lean_httpx import httpx`.

httpx._main is httpx's command line: it imports click and rich with all of pygments (30 ms and 6 MiB). httpx itself goes
on without it where it cannot be imported. httpcore imports sniffio at each lock it takes; a module that is not there is
searched for each time: 0.2 ms a request.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import Final

_MAIN: Final = "httpx._main"
if "httpx" not in sys.modules:
    sys.modules[_MAIN] = None  # type: ignore[assignment]
import httpx  # noqa: E402

if sys.modules.get(_MAIN, False) is None:
    del sys.modules[_MAIN]
if importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

__all__ = ["httpx"]
