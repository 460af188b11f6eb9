"""Names that rotated generations of a file carry.

Rule 1: `app.log` may live on as `app.log.1`, `app.log.old`, `app.log-20260127`, `app.log.2026-01-27_15`, `app.1.log`,
        `app-20260127.log`, two of these on top of each other, and each of them with `.gz`.
Rule 2: a name says what a file may be, never what it is: content decides (`fingerprint`).
"""

from __future__ import annotations

# ruff: noqa: PTH119 - thousands of paths a sweep are joined and split here: os.path takes a tenth of pathlib's time
import os
import re
from functools import lru_cache

_DATE = r"\d{4}-?\d\d-?\d\d(?:[-_T.]?\d\d(?:[-:]?\d\d){0,2}|[-_.]\d{1,10})?"
_SUFFIX = re.compile(rf"(.+?)(?:[-._]{_DATE}|\.\d{{1,9}}|\.old|\.bak)")
_INFIX = re.compile(rf"(.+?)(?:[-._]{_DATE}|[-._]\d{{1,9}})(\.[A-Za-z][A-Za-z0-9]*)")
_NUMBER = re.compile(r"\.(\d{1,9})(?=\.|$)")
COMPRESSED = ".gz"


@lru_cache(maxsize=65536)
def originals(name: str) -> tuple[str, ...]:
    """The names that a file called `name` may have been written under, its own not among them."""
    found: set[str] = set()
    waiting = {name}
    for _ in range(3):
        waiting = {older for newer in waiting for older in _steps(newer)} - found
        found |= waiting
    return tuple(found - {name})


def is_sibling(path: str, original: str) -> bool:
    """Whether the file at `path` may be a rotated generation of the one at `original`."""
    directory, name = os.path.split(path)
    home, base = os.path.split(original)
    return directory == home and base in originals(name)


def age(path: str) -> int:
    """The number in a rotated name: of two files changed at the same time the greater is the older one."""
    numbers = _NUMBER.findall(os.path.basename(path))
    return int(numbers[-1]) if numbers else 0


def _steps(name: str) -> set[str]:
    steps = set()
    if name.endswith(COMPRESSED) and len(name) > len(COMPRESSED):
        steps.add(name[: -len(COMPRESSED)])
    suffix = _SUFFIX.fullmatch(name)
    if suffix:
        steps.add(suffix[1])
    infix = _INFIX.fullmatch(name)
    if infix:
        steps.add(infix[1] + infix[2])
    return steps
