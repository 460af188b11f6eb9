"""A service that logs through RotatingFileHandler: `python -m benchmarks.torture.handler FILE COUNT SECONDS`."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import time

from benchmarks.torture.lines import Plain

PIECE = 2000


def main() -> None:
    """Write COUNT numbered lines, spread over SECONDS, rotating at 10 MB with five backups."""
    path, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=10_000_000, backupCount=5, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.Logger("torture")
    logger.addHandler(handler)
    name = path.rpartition("/")[2].removesuffix(".log")
    begun, lines = time.monotonic(), Plain()
    for first in range(0, count, PIECE):
        for number in range(first, min(first + PIECE, count)):
            logger.info(lines.stored(name, number))
        time.sleep(max(0.0, begun + seconds * (first + PIECE) / count - time.monotonic()))
    handler.close()


if __name__ == "__main__":
    main()
