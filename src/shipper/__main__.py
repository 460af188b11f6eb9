"""`python -m shipper` is `shipper`."""

from __future__ import annotations

from shipper.cli import main

if __name__ == "__main__":
    main()
