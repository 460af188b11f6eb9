"""The broken hop in one sentence: is it the files, the lines, or the way to Loki?

Rule 1: pure; a source's sentence says also what does work, so that nobody looks for the cause there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from shipper.doctor.hop import Hop, Section, State, Verdict

COLLECT: Final = frozenset({"discover", "permissions", "freshness"})
FINE: Final = "files and lines are fine"
PROCESS: Final = frozenset({"lines", "labels"})
CONNECTION: Final = frozenset({"canary", "read back"})


def verdicts(sections: Sequence[Section]) -> Iterator[Verdict]:
    """What is broken for all, then a sentence for each source."""
    agent, loki = (_of(sections, part) for part in ("agent", "loki"))
    if agent is not None and (broken := agent.broken()):
        yield Verdict(State.BROKEN, f"the agent is held up: {_named(broken)}")
    broken_loki = loki.broken() if loki is not None else None
    if broken_loki is not None:
        sentence = f"the connection to Loki is the problem, for every source: {_named(broken_loki)}"
        yield Verdict(State.BROKEN, sentence)
    for section in sections:
        if section.part == "source":
            yield Verdict(_state(section), f"{section.title}: {_source(section, broken_loki is not None)}")


def _of(sections: Sequence[Section], part: str) -> Section | None:
    return next((section for section in sections if section.part == part), None)


def _state(section: Section) -> State:
    """That of its worst hop."""
    states = {hop.state for hop in section.hops}
    return next((state for state in (State.BROKEN, State.DOUBT, State.FINE) if state in states), State.UNTRIED)


def _source(section: Section, loki_is_broken: bool) -> str:
    broken = section.broken()
    doubts = [hop.name for hop in section.hops if hop.state is State.DOUBT]
    here = FINE + (f", have a look at {_listed(doubts)}" if doubts else "")
    if broken is None:
        return here if loki_is_broken else here.replace(FINE, "every hop works")
    arrived = any(hop.name == "read back" and hop.state is State.FINE for hop in section.hops)
    works = "; the connection to Loki works (the canary was read back)" if arrived else ""
    if broken.name in COLLECT:
        return f"what is to be read is the problem: {_named(broken)}{works}"
    if broken.name in PROCESS:
        return f"the lines are the problem: {_named(broken)}{works}"
    if loki_is_broken:
        return f"{here}; its lines wait for Loki"
    if broken.name in CONNECTION:
        return f"{here}; the way to Loki is the problem: {_named(broken)}"
    return f"broken at {_named(broken)}{works}"


def _named(hop: Hop) -> str:
    finding = next(finding for finding in hop.findings if finding.broken)
    return f"{hop.name}: {finding.what}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
