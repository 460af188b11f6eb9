"""What the doctor reports: hops of the chain, what each one saw, and what is wrong with it.

Rule 1: a hop is as bad as the worst of its findings; one that was not tried is neither good nor bad.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal


class State(Enum):
    """How a hop is."""

    FINE = "ok"
    DOUBT = "look"
    """Lines arrive, and something is likely to disappoint."""
    BROKEN = "broken"
    """Lines do not arrive because of it."""
    UNTRIED = "untried"
    """What comes before it is broken, or it does not apply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong: what and why, and what to do about it."""

    what: str
    cure: str = ""
    """A sentence, and on further lines what to write or run."""
    broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One hop of the chain."""

    name: str
    saw: str
    findings: tuple[Finding, ...] = ()
    untried: bool = False

    @property
    def state(self) -> State:
        """How it is."""
        if self.untried:
            return State.UNTRIED
        if any(finding.broken for finding in self.findings):
            return State.BROKEN
        return State.DOUBT if self.findings else State.FINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The hops of one part of the chain: the agent, Loki, or a source."""

    part: Literal["agent", "loki", "source"]
    title: str
    """For people: the URL, or the source's name."""
    about: str = ""
    """What is said beside the title."""
    hops: tuple[Hop, ...] = ()

    def broken(self) -> Hop | None:
        """The first broken hop."""
        return next((hop for hop in self.hops if hop.state is State.BROKEN), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence on a source, or on what is broken for all of them."""

    state: State
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that the doctor found out."""

    sections: tuple[Section, ...]
    verdicts: tuple[Verdict, ...]
    """What is broken for all sources, then one for each."""

    @property
    def fine(self) -> bool:
        """Whether no hop is broken."""
        return all(section.broken() is None for section in self.sections)


def untried(name: str, why: str) -> Hop:
    """A hop that was not tried."""
    return Hop(name=name, saw=why, untried=True)


def hop(name: str, saw: str, findings: Iterable[Finding | None] = ()) -> Hop:
    """A hop that was tried; findings that are None are left out."""
    return Hop(name=name, saw=saw, findings=tuple(finding for finding in findings if finding is not None))


def masked(report: Report, mask: Callable[[str], str]) -> Report:
    """The report without secrets."""
    sections = tuple(
        replace(section, title=mask(section.title), hops=tuple(_masked(one, mask) for one in section.hops))
        for section in report.sections
    )
    verdicts = tuple(Verdict(verdict.state, mask(verdict.sentence)) for verdict in report.verdicts)
    return Report(sections=sections, verdicts=verdicts)


def _masked(one: Hop, mask: Callable[[str], str]) -> Hop:
    findings = tuple(replace(found, what=mask(found.what), cure=mask(found.cure)) for found in one.findings)
    return replace(one, saw=mask(one.saw), findings=findings)
