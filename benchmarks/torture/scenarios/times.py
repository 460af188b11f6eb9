"""Old lines, quiet files, shared streams: nothing may be too far behind; and lines that are nasty in themselves."""

from __future__ import annotations

import time

from benchmarks.torture.lines import SECOND, Equal, Json, Nasty
from benchmarks.torture.scenarios import Scenario
from benchmarks.torture.scenarios.crashes import KILL
from benchmarks.torture.scenarios.rotations import RENAME
from benchmarks.torture.world import World

HOUR = 3600 * SECOND
DAY = 24 * HOUR
LIMIT = 4096
SHARED = 'pipeline = "json"\nfilename_label = false'


def _quiet_days(world: World) -> None:
    """Logs with a line every half hour over five days, all read at once, and Loki fails now and then."""
    world.days = 7
    world.configure('pipeline = "json"')
    for letter in "abcde":
        log = world.log(f"quiet{letter}", Json(start=time.time_ns() - 5 * DAY, per_second=1 / 1800))
        log.write(235)
    world.relay.weather(0.3, ("500", "429", "slow"), world.chance)
    world.agent.start()
    world.live(rate=0.0)


def _shared_stream(world: World) -> None:
    """Files that follow each other in time, share a stream and are all there at the start: the oldest goes first."""
    world.days = 7
    world.ordered = False
    world.configure(SHARED)
    now = time.time_ns()
    for number, letter in enumerate("dbeac"):
        log = world.log(f"part{letter}", Json(start=now - (5 - number) * DAY, per_second=0.01))
        log.write(700)
        time.sleep(0.05)
    world.agent.start()
    world.live(rate=0.0)


def _newer_first(world: World) -> None:
    """A push fails while newer ones of its stream would succeed: these wait where they would outrun it by an hour."""
    world.days = 3
    world.configure('pipeline = "json"', loki='batch_bytes = "20KiB"')
    log = world.log(lines=Json(start=time.time_ns() - 2 * DAY, per_second=1 / 60))
    log.write(2500)
    world.relay.fail("503", forever=True, holding=b'"n": "app:000000010"')
    world.agent.start()
    world.live(rate=0.0, seconds=world.seconds / 2)


def _plain_in_old(world: World) -> None:
    """Lines without a time at the head of and among old JSON: they stay beside their neighbours."""
    world.days = 3
    world.configure('pipeline = "auto"', loki='too_old = "dead-letter"')
    log = world.log(lines=_Mixed(start=time.time_ns() - 2 * DAY))
    log.write(900)
    world.agent.start()
    world.live(KILL, rate=0.0)


class _Mixed:
    """The first lines, and every ninth, have no time."""

    def __init__(self, *, start: int) -> None:
        self._json = Json(start=start, per_second=0.1)

    def written(self, log: str, number: int) -> bytes:
        return self.stored(log, number).encode()

    def stored(self, log: str, number: int) -> str:
        if self._is_plain(number):
            return f"{log}:{number:09d} a line without a time"
        return self._json.stored(log, number)

    def labels(self, number: int) -> dict[str, str]:
        return {} if self._is_plain(number) else dict(self._json.labels(number))

    def number_of(self, log: str, text: str) -> int | None:
        return self._json.number_of(log, text)

    @staticmethod
    def _is_plain(number: int) -> bool:
        return number < 12 or number % 9 == 4


def _equal(world: World) -> None:
    """Equal lines with equal times, over spans, kills and rotations: each is kept."""
    world.configure('pipeline = "json"')
    world.log(lines=Equal(of=Json(start=time.time_ns() - HOUR // 2, per_second=500.0), times=7))
    world.begin()
    world.live(KILL, RENAME)


def _nasty(world: World) -> None:
    """Every byte value, lines at, under, over and far over the limit, cut by reads, renames and kills."""
    world.configure(agent=f"max_line_bytes = {LIMIT}")
    world.log(lines=Nasty(limit=LIMIT))
    world.begin()
    world.live(KILL, RENAME)


TIMES = (
    Scenario(name="quiet-days", says="quiet logs over five days, at once", play=_quiet_days, limits=True),
    Scenario(name="shared-stream", says="files of five days that share a stream", play=_shared_stream, limits=True),
    Scenario(name="newer-first", says="a push fails while a newer one would succeed", play=_newer_first, limits=True),
    Scenario(name="plain-in-old", says="lines without a time among old JSON", play=_plain_in_old, limits=True),
    Scenario(name="equal-lines", says="equal lines with equal times", play=_equal),
    Scenario(name="nasty-lines", says="every byte value, and lines around the limit", play=_nasty, rate=0.3),
)
