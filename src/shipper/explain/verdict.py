"""Whether a source ships something, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One source's answer about one file or container."""

    source: str
    shipped: bool
    why: str
    """One sentence: the rule it rests on."""
    cure: str = ""
    """What to write or do so that it is shipped; "": nothing has to be done."""
    path: str = ""
    """The name it is read under, which its labels come from; "": the one that is asked about."""
    near: int = 0
    """How near a source that does not ship it is to doing so; 0: it has nothing to do with it."""
