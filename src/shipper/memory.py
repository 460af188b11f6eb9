"""What allocator and garbage collector are told of how memory is used here.

glibc by itself gives each block of a megabyte back to the kernel and gets a new, zeroed one: 240 page faults a push,
measured as a tenth of the agent's CPU time at full speed. Other C libraries have no such switch and are left alone.
"""

from __future__ import annotations

import ctypes
import gc

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
_LARGE = 32 << 20
"""glibc's greatest possible threshold on 64 bits, in bytes; all blocks of the agent are far smaller."""

_ARENAS = 2
"""By itself glibc has eight for each core, and every source's thread keeps one with the most it ever took in it: with
seven busy logs 15 MiB more than with two. One thread at a time runs Python, so they hardly wait for each other."""

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
    """Let freed blocks of up to 32 MiB be used again, by any thread, instead of being given back.

    To be called before there is a second thread.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE)
