"""The agent with sabotage: `python -m benchmarks.torture.launch '{"crash_at": "begun"}' -c shipper.toml run`."""

from __future__ import annotations

import sys

import msgspec

from benchmarks.torture.sabotage import Sabotage


def main() -> None:
    """Apply the sabotage, then be `shipper`."""
    spec, *arguments = sys.argv[1:]
    msgspec.json.decode(spec, type=Sabotage).apply()
    sys.argv = ["shipper", *arguments]
    from shipper.cli import main as shipper

    shipper()


if __name__ == "__main__":
    main()
