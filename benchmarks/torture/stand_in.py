"""The embedded receiver with the tenants of the recordings and one more, `narrow`: `… stand_in VERSION on|off`."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import cast

from shipper.devloki.limits import default_limits, recorded_tenants
from shipper.devloki.release import RELEASES, Version
from shipper.devloki.server import Receiver


async def serve(version: Version, *, limits: bool) -> None:
    """Listen on a free port, say which, and stay."""
    narrow = replace(default_limits(RELEASES[version]), stream_rate=60_000, stream_burst=120_000)
    tenants = {**recorded_tenants(RELEASES[version]), "narrow": narrow}
    async with Receiver(version=version, limits=limits, tenants=tenants, max_bytes=4 << 30) as receiver:
        print(f"listening on {receiver.url}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(serve(cast(Version, sys.argv[1]), limits=sys.argv[2] == "on"))
    except KeyboardInterrupt:
        sys.exit(0)
