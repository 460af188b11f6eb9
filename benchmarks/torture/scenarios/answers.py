"""Loki answers badly, late, twice or not at all; and says yes where it means no."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from benchmarks.torture.lines import SECOND, Json, Plain
from benchmarks.torture.scenarios import Scenario
from benchmarks.torture.scenarios.crashes import KILL, kill
from benchmarks.torture.world import Trouble, World

HOUR = 3600 * SECOND


def _weather(
    *kinds: str, named: str, share: float = 0.4, troubles: tuple[Trouble, ...] = ()
) -> Callable[[World], None]:
    """That share of all pushes fails in these ways; at least the first is named."""

    def play(world: World) -> None:
        world.configure()
        world.log()
        world.agent.start()
        world.relay.weather(share, kinds, world.chance)
        world.live(*troubles)
        world.expect(*named.split())

    return play


def _held(kind: str, named: str) -> Callable[[World], None]:
    """Every push is answered like this for a while; then no more."""

    def play(world: World) -> None:
        world.configure()
        world.log()
        world.agent.start()
        world.live(seconds=world.seconds / 4)
        world.relay.fail(kind, forever=True)
        world.live(seconds=world.seconds / 2)
        world.expect(named)
        world.relay.heal()
        world.delivered()
        world.expect(f"{named}_over")

    return play


def _too_large(kind: str) -> Callable[[World], None]:
    """A proxy or an ingester takes no push above 40 kB, uncompressed: it is split, never repeated as it is."""

    def play(world: World) -> None:
        world.configure()
        log = world.log()
        world.relay.largest = 40_000
        world.relay.fail(kind, forever=True)
        log.write(5000)
        world.agent.start()
        world.live()
        world.delivered()

    return play


def _refused(world: World) -> None:
    """Nobody listens for a while."""
    world.configure()
    world.log()
    world.agent.start()
    world.live(seconds=world.seconds / 4)
    world.relay.close()
    world.live(KILL, seconds=world.seconds / 2)
    world.expect("loki_unreachable")
    world.relay.open()
    world.delivered()


def _outage(world: World) -> None:
    """Loki is away while very much is written and rotated: the files wait, memory does not grow."""
    world.configure()
    log = world.log()
    world.begin()
    world.relay.close()
    turns = max(3, int(world.seconds))
    for _ in range(turns):
        world.live(seconds=world.seconds / turns)
        log.rename()
        world.agent.look()
    world.expect("loki_unreachable")
    world.relay.open()
    world.delivered()


def _sharded(world: World) -> None:
    """A stream so busy that Loki 3 splits it into shards, where a repetition would show in log queries too."""
    world.configure(loki='batch_bytes = "256KiB"')
    log = world.log(lines=Plain(longest=3000))
    world.begin()
    world.relay.weather(0.2, ("500_after", "reset_after", "stall_after"), world.chance)
    for turn in range(int(world.seconds * 8)):
        log.write(150)
        world.live(seconds=0.12, rate=0.0)
        if turn % 9 == 8:
            kill(world)
    world.relay.heal()
    world.delivered()


def _dns(world: World) -> None:
    """The name of Loki cannot be resolved for a while."""
    flag = world.root / "no-dns"
    world.sabotage(no_dns_while=str(flag))
    world.configure(url=world.relay.url.replace("127.0.0.1", "localhost"))
    world.log()
    flag.touch()
    world.agent.start()
    world.live(seconds=world.seconds / 2)
    world.expect("loki_unreachable")
    flag.unlink()
    world.delivered()


def _no_read_access(world: World) -> None:
    """Loki may not be queried: what was repeated is the same to the byte, and a log query shows it once."""
    world.configure()
    world.log(lines=Plain(longest=20))
    world.relay.fail("403", forever=True, asks=True)
    world.agent.start()
    world.relay.weather(0.3, ("500_after", "reset_after"), world.chance)
    world.live(rate=world.rate / 10)
    world.counts_copies = False
    world.expect("verify_unavailable")


def _partly_old(world: World) -> None:
    """Some lines of a push are older than Loki takes: these are dead letters, the others are stored, once."""
    world.configure('pipeline = "json"', loki='max_age = "0"')
    now = time.time_ns()
    old, new = Json(start=now - 8 * 24 * HOUR), Json(start=now - HOUR)
    mixed = world.log(lines=_Mixed(old=old, new=new))
    world.refused |= {(mixed.name, number) for number in range(400) if _Mixed.is_old(number)}
    world.ordered = False
    mixed.write(400)
    world.agent.start()
    world.live(seconds=1.0, rate=0.0)
    world.expect("entries_refused")


class _Mixed:
    """Every seventh line is too old."""

    def __init__(self, *, old: Json, new: Json) -> None:
        self._old, self._new = old, new
        self.labels, self.number_of = new.labels, new.number_of

    @staticmethod
    def is_old(number: int) -> bool:
        """Whether Loki refuses it."""
        return number % 7 == 3

    def written(self, log: str, number: int) -> bytes:
        return (self._old if self.is_old(number) else self._new).written(log, number)

    def stored(self, log: str, number: int) -> str:
        return self.written(log, number).decode()


# what Loki hides -----------------------------------------------------------------------------------------------------


def _fast(world: World) -> None:
    """One stream above its rate (3 MB/s; here 60 kB/s) among quiet ones that succeed in the same pushes."""
    world.configure(loki='tenant = "narrow"')
    world.tenants = ["narrow"]
    fast = world.log("fast")
    quiet = [world.log(f"quiet{letter}") for letter in "abc"]
    world.begin()
    for _ in range(30):
        fast.write(110)
        for log in quiet:
            log.write(3)
        world.live(seconds=0.1, rate=0.0)
    world.delivered()


def _many_streams(world: World) -> None:
    """More streams than the tenant may have (2): what fits flows, the rest is held and named; nothing is lost."""
    world.configure(loki='tenant = "tinystreams"')
    world.tenants = ["tinystreams", "roomy"]
    logs = [world.log(f"app{letter}") for letter in "abcd"]
    world.agent.start()
    for _ in range(20):
        for log in logs:
            log.write(5)
        world.live(seconds=0.1, rate=0.0)
    world.expect("stream_limit")
    world.await_(lambda: world.stored() >= 200, "the streams that fit flow on")
    world.agent.stop()
    world.configure(loki='tenant = "roomy"')


def _hour_behind(world: World, *, policy: str) -> None:
    """A stream falls more than an hour behind itself, with quiet ones in the push that succeed."""
    world.configure('pipeline = "json"\nfilename_label = false', loki=f'too_old = "{policy}"')
    now = time.time_ns()
    late = _Falling(new=Json(start=now - HOUR // 2), old=Json(start=now - 3 * HOUR), turn=200)
    log = world.log("late", late)
    world.ordered = False
    quiet = world.log("quiet", Json(start=now - HOUR // 2))
    world.agent.start()
    for log_ in (log, quiet):
        log_.write(200)
    world.delivered()
    world.free_labels.add("original_timestamp")
    if policy == "dead-letter":
        world.refused |= {(log.name, number) for number in range(200, 300)}
    for _ in range(100):
        log.write(1)
        quiet.write(2)
    world.live(seconds=2.0, rate=0.0)
    if policy == "dead-letter":
        world.expect("entries_refused")


class _Falling:
    """From line `turn` on, the times are old ones."""

    def __init__(self, *, new: Json, old: Json, turn: int) -> None:
        self._new, self._old, self._turn = new, old, turn
        self.labels, self.number_of = new.labels, new.number_of

    def written(self, log: str, number: int) -> bytes:
        return (self._new if number < self._turn else self._old).written(log, number)

    def stored(self, log: str, number: int) -> str:
        return self.written(log, number).decode()


ANSWERS = (
    Scenario(name="500", says="500 and 503", play=_weather("500", "503", named="loki_server_error")),
    Scenario(name="500-stored", says="500 after the push was stored",
             play=_weather("500_after", named="loki_server_error")),
    Scenario(name="429", says="429 for whole pushes", play=_weather("429", named="rate_limited")),
    Scenario(name="401", says="401, then good again", play=_held("401", "loki_unauthorized")),
    Scenario(name="260", says="260, ingestion blocked, then good again", play=_held("260", "loki_blocked")),
    Scenario(name="413", says="413 above 40 kB", play=_too_large("413")),
    Scenario(name="exhausted", says="500 ResourceExhausted above 40 kB", play=_too_large("exhausted")),
    Scenario(name="stall", says="no answer within the timeout", play=_weather("stall", named="loki_timeout")),
    Scenario(name="stall-stored", says="stored, and no answer within the timeout",
             play=_weather("stall_after", named="loki_timeout", share=0.2)),
    Scenario(name="reset", says="connections cut before the push was stored",
             play=_weather("reset", named="loki_unreachable")),
    Scenario(name="reset-stored", says="connections cut after the push was stored, and kills",
             play=_weather("reset_after", named="loki_unreachable", troubles=(KILL,))),
    Scenario(name="late-kill", says="pushes that reach Loki a second after the agent was killed",
             play=_weather("late", named="", share=0.5, troubles=(KILL,))),
    Scenario(name="drip", says="answers byte by byte", play=_weather("drip", "slow", named="")),
    Scenario(name="refused", says="nobody listens, and kills", play=_refused),
    Scenario(name="outage", says="Loki is away under a high rate", play=_outage, rate=5.0),
    Scenario(name="sharded", says="a busy stream, stored and cut, and kills", play=_sharded, limits=True),
    Scenario(name="dns", says="the name cannot be resolved", play=_dns),
    Scenario(name="no-read-access", says="repeats without asking: the same to the byte", play=_no_read_access),
    Scenario(name="partly-old", says="400 for a part of the push", play=_partly_old, limits=True),
    Scenario(name="fast-stream", says="a stream above its rate among quiet ones", play=_fast, limits=True),
    Scenario(name="many-streams", says="more streams than the tenant may have", play=_many_streams, limits=True),
    Scenario(name="hour-behind", says="a stream falls an hour behind: dead letters",
             play=partial(_hour_behind, policy="dead-letter"), limits=True),
    Scenario(name="hour-behind-restamp", says="a stream falls an hour behind: restamped",
             play=partial(_hour_behind, policy="restamp"), limits=True),
)  # fmt: skip
