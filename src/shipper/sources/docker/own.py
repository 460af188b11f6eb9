"""Whether the agent itself runs in a container, and in which: its output must not come back to it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

MOUNTS: Final = Path("/proc/self/mountinfo")
_FILES: Final = frozenset({"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"})
_ID: Final = re.compile(r"/([0-9a-f]{64})(?:/|$)")


def own_container(mounts: Path = MOUNTS) -> str:
    """The id of the container this process runs in; "" if it runs in none, or none that tells.

    Docker and Podman mount files of their own over /etc/hostname and its neighbours; where they keep these names the
    container, whatever the cgroups look like.
    """
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) > 4 and fields[4] in _FILES and (found := _ID.search(fields[3])):
            return found[1]
    return ""
