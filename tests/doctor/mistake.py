"""A set-up mistake: how it is made, the hop that has to name it, and what has to be said."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.doctor.machine import Machine

from shipper.doctor.hop import Report, State

Make = Callable[[Machine], None]


@dataclass(frozen=True)
class Mistake:
    """One of them; `what` and `cure` are patterns."""

    make: Make
    part: str
    hop: str
    state: State
    what: str
    cure: str

    def __str__(self) -> str:
        return self.make.__name__

    def check(self, machine: Machine, loki: str) -> None:
        """Make it, and read what the doctor says of it; `loki`: where there is one if the mistake is elsewhere."""
        self.make(machine)
        machine.url = machine.url or loki
        report = machine.examine()
        hops = [hop for section in report.sections if section.part == self.part for hop in section.hops]
        hop = next(hop for hop in hops if hop.name == self.hop)
        assert hop.state is self.state, told(report)
        said = [index for index, found in enumerate(hop.findings) if re.search(self.what, found.what)]
        assert said, told(report)
        cures = "\n".join(found.cure for found in hop.findings[said[0] :])
        assert re.search(self.cure, cures), told(report)
        everything = [found for section in report.sections for one in section.hops for found in one.findings]
        assert all(found.cure for found in everything), told(report)
        assert not (report.fine and self.state is State.BROKEN)


@dataclass
class Book:
    """The mistakes of one kind; its methods decorate the function that makes one."""

    mistakes: list[Mistake] = field(default_factory=list)

    def broken(self, part: str, hop: str, what: str, cure: str) -> Callable[[Make], Make]:
        """Lines do not arrive because of it."""
        return self._note(part, hop, State.BROKEN, what, cure)

    def doubtful(self, part: str, hop: str, what: str, cure: str) -> Callable[[Make], Make]:
        """Lines arrive, and not as they should."""
        return self._note(part, hop, State.DOUBT, what, cure)

    def _note(self, part: str, hop: str, state: State, what: str, cure: str) -> Callable[[Make], Make]:
        def note(make: Make) -> Make:
            self.mistakes.append(Mistake(make, part, hop, state, what, cure))
            return make

        return note


def told(report: Report) -> str:
    """What a person would have read."""
    return "\n".join(
        f"{section.title} {hop.name} {hop.state.value}: {hop.saw} {hop.findings}"
        for section in report.sections
        for hop in section.hops
    )
