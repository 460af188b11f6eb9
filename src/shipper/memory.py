"""What allocator and garbage collector are told of how memory is used here.

glibc by itself gives each block of a megabyte back to the kernel and gets a new, zeroed one: 240 page faults a push,
measured as a tenth of the agent's CPU time at full speed. Other C libraries have no such switch and are left alone.
"""

from __future__ import annotations

import ctypes
import gc

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGE = 32 << 20
"""glibc's greatest possible threshold on 64 bits, in bytes; all blocks of the agent are far smaller."""

_OBJECTS = 10_000
"""New objects between two rounds of the garbage collector: what is made for a push of a thousand streams comes and goes
between them. With Python's own 700, the rounds took 5 % of the agent's CPU time there."""


def keep_what_start_made() -> None:
    """Take what is there now out of the garbage collector's rounds: it stays as long as the process, and going through
    it again and again was 2 % of the agent's CPU time at full speed."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS)


def keep_large_blocks() -> None:
    """Let freed blocks of up to 32 MiB be used again instead of being given back."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE)
