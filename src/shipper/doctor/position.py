"""Of one source: how far the agent is, and what it gave up, as the journal has it.

Rule 1: the journal is read beside the agent; nothing is written and no position moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shipper.chunk import Moment
from shipper.config.model import DockerSource, FileSource
from shipper.doctor.amounts import SECOND, ago, plural, size
from shipper.doctor.hop import Finding, Hop, hop, untried
from shipper.errors import ConfigError, JournalError
from shipper.positions import Losses, State
from shipper.preview.look import Look
from shipper.preview.survey import Survey
from shipper.sources.opening import check_type
from shipper.sources.step import Generation
from shipper.storage import FILE_NAME

PATIENCE: Final = 60 * SECOND
"""What was written so long ago and is not settled is more than the usual delay, ns."""
LETTERS: Final = 1000
"""Dead letters looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the journal has of one source."""

    generations: tuple[Generation, ...] = ()
    letters: Counter[str]
    """Dead letters by reason, of the first `LETTERS`."""
    losses: Losses


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The hop, and what the newest line in Loki is measured by."""

    hop: Hop
    behind: int
    """Bytes that the agent has not settled; all of them where it knows nothing."""
    readable: bool = True
    """Whether the journal may be read, if there is one."""


def position_of(
    data_dir: Path, survey: Survey, source: FileSource | DockerSource, *, running: bool | None, now: int
) -> Position:
    """Compare what there is with what the journal knows of it."""
    everything = sum(look.size for look in survey.looks)
    try:
        known = _read(data_dir, source.name)
        check_type(source, known.generations)
    except PermissionError:
        unseen = untried("position", f"no access to the journal in {data_dir}")
        return Position(hop=unseen, behind=everything, readable=False)
    except ConfigError as error:
        finding = Finding(what=error.message, cure=error.hint, broken=True)
        return Position(hop=hop("position", "those of another source", [finding]), behind=everything)
    except JournalError as error:
        if running or (data_dir / FILE_NAME).exists():
            finding = Finding(what=error.message, cure=error.hint, broken=bool(running))
            return Position(hop=hop("position", "the journal tells nothing", [finding]), behind=everything)
        return Position(hop=untried("position", "no agent has run here yet"), behind=everything)
    behind = [(look, _left(look, known.generations)) for look in survey.looks]
    return Position(hop=_hop(survey, known, behind, running=running, now=now), behind=sum(left for _, left in behind))


def _read(data_dir: Path, source: str) -> Known:
    with State(data_dir) as state:
        letters = Counter(kept.letter.reason for kept in state.dead_letters(source=source, limit=LETTERS))
        return Known(
            generations=tuple(state.positions(source)),
            letters=letters,
            losses=state.losses(source).get(source, Losses()),
        )


def _left(look: Look, generations: Sequence[Generation]) -> int:
    """Bytes of a file or stream that are not settled."""
    for known in reversed(generations):
        if isinstance(known.fingerprint, Moment):
            if known.path == look.path:
                return 0 if look.changed <= known.fingerprint.time else max(1, look.size)
        elif (known.device, known.inode) == look.key:
            return 0 if known.finished else max(0, look.size - look.unterminated - known.offset)
    return look.size - look.unterminated


def _hop(survey: Survey, known: Known, behind: Sequence[tuple[Look, int]], *, running: bool | None, now: int) -> Hop:
    late = [(look, left) for look, left in behind if left]
    left = sum(left for _, left in late)
    saw = f"{size(left)} in {plural(len(late), 'file')} not shipped yet" if late else "all there is was shipped"
    if survey.containers and late:
        saw = f"{plural(len(late), 'stream')} not shipped to the end yet"
    if not survey.looks:
        saw = "nothing to ship"
    return hop("position", saw, [*_stuck(late, running=running, now=now), *_given_up(known, survey.source)])


def _stuck(late: Sequence[tuple[Look, int]], *, running: bool | None, now: int) -> Iterator[Finding]:
    old = [(look, left) for look, left in late if look.changed and now - look.changed > PATIENCE]
    if running and old:
        look, left = max(old, key=lambda pair: pair[1])
        what = (
            f"an agent runs, and {size(left)} of {look.path} are not shipped though it was written "
            f"{ago(now - look.changed)} ago"
        )
        yield Finding(
            what=what,
            cure="see which failure its log names (journalctl -u shipper, docker logs); if it runs with another "
            "configuration, restart it",
            broken=True,
        )


def _given_up(known: Known, source: str) -> Iterator[Finding]:
    if known.letters:
        reasons = ", ".join(f"{reason} {count}" for reason, count in known.letters.most_common())
        what = f"Loki did not take some lines, which are kept as dead letters: {reasons}"
        yield Finding(
            what=what, cure=f"shipper dead-letters list --source {source} (each with why; `replay` sends them)"
        )
    if known.losses.truncated_unread:
        what = f"{size(known.losses.truncated_unread)} were truncated or deleted before they could be read"
        yield Finding(what=what, cure="rotate by rename, and keep rotated files until they are read")
