"""The agent against a model of what it owes: random lives of files, of Loki and of the agent itself.

Real are the file source, the pipeline, the delivery and the journal; Loki is the embedded receiver, in process. The
five laws are checked after every step, and in the end every line must have arrived: once, in order, none invented.

`SHIPPER_TEST_EXAMPLES=2500` makes a campaign of it; a failure prints its steps and the blob that repeats them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.model import laws
from tests.model.clockwork import Time
from tests.model.life import NAME, Disk, Life, Setup
from tests.model.loki import REFUSED, Server
from tests.model.verdict import verdict
from tests.model.witness import Witness
from tests.model.writer import Raw, Service

from shipper.delivery import streams
from shipper.delivery.wire import SECOND
from shipper.devloki.faults import Fault
from shipper.devloki.limits import TenantLimits
from shipper.sources.file import tail

MEMORY = "/dev/shm"
PLACE = os.environ.get("SHIPPER_MODEL_DIR", MEMORY if Path(MEMORY).is_dir() else None)
"""Where the files are: in memory no inode number is used again, so a run can be repeated; on a disk they are."""
PLENTY = 2 << 20
SERVICES = st.sampled_from(["app.log", "web.log"])
ENDS = st.sampled_from(["stop", "kill", "power cut"])
SECONDS = st.sampled_from([0.012, 0.6, 1, 6, 11, 70, 700])
KINDS = st.sampled_from(
    ["plain", "json", "tick", "tick", "older", "much older", "long", "blank", "return", "redraw", "hole", "bad"]
)
SETUPS = st.builds(
    Setup,
    pattern=st.sampled_from(["*.log", "*.log*", "*"]),
    exclude=st.sampled_from([(), ("*.gz",)]),
    filename_label=st.booleans(),
    batch_bytes=st.sampled_from([500, 4000]),
)
LIMITS = {
    "default": TenantLimits(),
    "short lines": TenantLimits(max_line_size=200),
    "slow streams": TenantLimits(stream_rate=500, stream_burst=2000),
    "slow tenant": TenantLimits(rate=1500, burst=3000),
}
BUSY = "Ingestion rate limit exceeded for user fake (limit: 1000 bytes/sec) while attempting to ingest"
FAULTS: dict[str, Fault | str] = {
    "refused": REFUSED,
    "500": Fault(status=500, on="any"),
    "500, stored": Fault(status=500, stored=True),
    "503, retry later": Fault(status=503, headers={"retry-after": "3"}),
    "reset": Fault(reset="before_store", on="any"),
    "reset, stored": Fault(reset="after_store"),
    "timeout": Fault(delay=60, on="any"),
    "timeout, stored": Fault(delay=60, stored=True),
    "slow, stored": Fault(delay=3, stored=True),
    "401": Fault(status=401),
    "413": Fault(status=413),
    "429": Fault(status=429, body=BUSY),
}


class World(RuleBasedStateMachine):
    """Two services that log, one Loki, and the agent between them."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="model-", dir=PLACE))
        self.logs = self.root / "logs"
        self.logs.mkdir()
        self.patches = ExitStack()
        self.time = Time()
        self.witness = Witness()
        self.disk = Disk(self.root / "state")
        self.positions = laws.Positions()
        self.life: Life | None = None
        self.lost = 0
        """Bytes that the model threw away unread."""
        self.power_cuts = 0
        self.unseen: set[Service] = set()
        """Services whose files were copied and truncated while nobody looked."""
        self.count = 0

    @initialize(
        setup=SETUPS,
        limits=st.sampled_from(list(LIMITS)),
        version=st.sampled_from(["2.9", "3.4"]),
        readable=st.sampled_from([True, True, True, False]),
        block=st.sampled_from([300, 220 * 1024]),
        copies=st.frozensets(SERVICES),
    )
    def begin(self, setup, limits, version, readable, block, copies):
        self.copies = copies
        """The services whose files are copied and truncated; the others' are renamed."""
        self.setup = setup
        self.patches.enter_context(patch.object(tail, "BLOCK", block))
        if limits == "slow streams":
            # Loki hides that a stream is over its rate behind a later one of the push: what is near it goes alone.
            self.patches.enter_context(patch.object(streams, "FAST", LIMITS[limits].stream_rate / 3))
        self.server = Server(self.time, self.witness, version=version, limits=LIMITS[limits], readable=readable)
        self.services = {name: Service(self.logs, name, self.time) for name in ("app.log", "web.log")}
        for name, service in self.services.items():
            service.write([self.raw(name, "plain")])
        self.start_agent()
        self.settle(2)

    # ── the services ──

    @rule(name=SERVICES, kinds=st.lists(KINDS, min_size=1, max_size=8), times=st.integers(1, 6))
    def write(self, name, kinds, times):
        self.time.sleep(0.02)
        self.services[name].write([self.raw(name, kind) for kind in kinds * times])

    @rule(name=SERVICES)
    def write_a_part_of_a_line(self, name):
        self.count += 1
        self.time.sleep(0.02)
        self.services[name].begin_line(b"part %d " % self.count)

    @rule(name=SERVICES)
    def write_the_banner_of_a_new_file(self, name):
        service = self.services[name]
        if service.live is None:
            self.time.sleep(0.02)
            banner = [Raw(b"banner %d of every new file of %s" % (line, name.encode())) for line in range(30)]
            # Two files that are equal to the last byte, one of them gone, cannot be told apart.
            service.write([*banner, self.raw(name, "plain")])

    @rule(name=SERVICES, times=st.integers(1, 3), look=st.booleans(), late=st.booleans(), lines=st.integers(0, 3))
    def rotate(self, name, times, look, late, lines):
        """By the service's own way, several times in a row; `look`: between the two halves, and after it."""
        service = self.services[name]
        for _ in range(times):
            self.time.sleep(0.02)
            (self.copy_and_truncate if name in self.copies else self.rename)(service, look, late)
            if lines:
                self.time.sleep(0.02)
                service.write([self.raw(name, "plain") for _ in range(lines)])

    def rename(self, service, look, late):
        self.count += 1
        service.rotate(ending=b"late %d" % self.count if late else None)
        if look:
            self.look()

    def copy_and_truncate(self, service, look, late):
        if not service.copy():
            return
        if self.life is None or not self.life.has_looked:
            self.unseen.add(service)
        if look:
            self.look()
        self.time.sleep(0.02)
        service.truncate()
        if late:
            self.look()

    @rule(name=SERVICES, number=st.integers(0, 2))
    def compress(self, name, number):
        if name in self.copies:
            # A copy of which nothing was read is known by its inode alone: compressed, it is another file.
            if self.life is None:
                return
            self.settle(12)
        rotated = [path for path in self.services[name].rotated if path.suffix != ".gz"]
        if number < len(rotated):
            self.services[name].compress(rotated[number])

    @rule(name=SERVICES)
    def delete(self, name):
        service = self.services[name]
        content = service.live
        if content is None or name in self.copies:
            return
        held = str(service.path) in laws.open_files(self.logs)
        service.delete()
        if not held:
            self.give_up(content)

    @precondition(lambda self: self.life is not None)
    @rule(name=SERVICES, lines=st.integers(1, 20), again=st.integers(0, 30))
    def truncate_what_was_seen_and_not_read(self, name, lines, again):
        service = self.services[name]
        service.write([self.raw(name, "plain")])
        self.settle(12)
        service.write([self.raw(name, "plain") for _ in range(lines)])
        self.look()
        self.lose(service, [self.raw(name, "plain") for _ in range(again)])

    # ── Loki ──

    @rule(fault=st.sampled_from(list(FAULTS)), times=st.integers(1, 3))
    def let_loki_fail(self, fault, times):
        for _ in range(times):
            self.server.strike(FAULTS[fault])

    @rule()
    def mend_loki(self):
        self.server.heal()

    # ── the agent ──

    @rule(seconds=SECONDS)
    def wait(self, seconds):
        self.time.sleep(seconds)

    @rule()
    def look(self):
        self.time.sleep(1)
        if self.life is not None:
            self.life.step(0)

    @precondition(lambda self: self.life is not None)
    @rule(budget=st.sampled_from([1, 200, PLENTY]))
    def read(self, budget):
        self.time.sleep(0.02)
        self.life.step(budget)

    @precondition(lambda self: self.life is not None)
    @rule(seconds=st.integers(1, 70))
    def run_for(self, seconds):
        for _ in range(seconds):
            self.time.sleep(1)
            self.life.step(PLENTY)

    @precondition(lambda self: self.life is not None)
    @rule(how=ENDS)
    def end_agent(self, how):
        self.life.end(how)
        self.life = None
        self.power_cuts += how == "power cut"
        for content in self.contents():
            if content.is_gone:
                self.give_up(content)

    @precondition(lambda self: self.life is None)
    @rule()
    def start_agent(self):
        self.server.reborn()
        self.life = Life(self.logs, self.disk, self.setup, self.time, self.server, self.witness)

    @rule(how=ENDS)
    def restart_agent(self, how):
        if self.life is not None:
            self.end_agent(how)
        self.start_agent()

    @precondition(lambda self: self.life is None)
    @rule(version=st.sampled_from(["1", "2"]))
    def edit_the_configuration(self, version):
        self.setup = replace(self.setup, labels=(("job", "m"), ("version", version)))

    @precondition(lambda self: self.life is not None)
    @rule(version=st.sampled_from(["1", "2"]), redirect=st.booleans())
    def reload(self, version, redirect):
        self.setup = replace(self.setup, labels=(("job", "m"), ("version", version)))
        self.life.reload(self.logs, self.setup, redirect=redirect)

    # ── the laws ──

    @invariant()
    def the_laws_hold(self):
        if self.life is None:
            return
        broken = [
            *self.positions.broken(self.life, self.server, self.witness),
            *laws.impure(self.witness),
            *laws.unbalanced(self.life, self.witness),
            *laws.unbounded(self.life, self.logs),
            *laws.unnamed(self.life, self.server, self.time.seconds()),
        ]
        assert not broken, broken

    def teardown(self):
        try:
            if hasattr(self, "server"):
                self.finish()
        finally:
            if self.life is not None:
                self.life.end("kill")
            self.patches.close()
            shutil.rmtree(self.root)

    # ── how the rules do it ──

    def finish(self):
        """Let everything come to its end, twice, and compare."""
        for service in self.services.values():
            service.end_line()
        if self.life is None:
            self.start_agent()
        self.settle(80)
        self.the_laws_hold()
        self.restart_agent("stop")
        self.settle(80)
        self.the_laws_hold()
        wrong = verdict(self)
        assert not wrong, wrong

    def lose(self, service, again):
        """Truncate a file of which no other copy is there; what was seen of it and not read is to be counted."""
        content = service.live
        (status,) = [one for one in self.life.tailer.files() if one.path == str(service.path) and not one.rotated]
        for line in content.lines:
            if line.end > status.offset:
                line.fate = "gone"
        content.is_gone = True
        before = self.life.ledger.account(NAME).truncated_unread
        service.truncate()
        if again:
            self.time.sleep(0.02)
            service.write(again)
        self.look()
        self.lost += status.size - status.offset
        assert self.life.ledger.account(NAME).truncated_unread - before == status.size - status.offset

    def settle(self, quiet: int):
        """Let Loki be well until nothing was left to do for `quiet` seconds."""
        self.server.heal()
        rest = 0
        for _ in range(1000):
            self.time.sleep(1)
            self.life.step(PLENTY)
            rest = rest + 1 if self.life.caught_up() else 0
            if rest == quiet:
                return
        raise AssertionError(f"it does not come to rest: {self.life.failures.current()}")

    @property
    def has_forgotten(self):
        """A power cut may have taken what was known of a content that is nowhere any more."""
        return self.power_cuts > 0 and any(content.is_gone for content in self.contents())

    def contents(self):
        return [content for service in self.services.values() for content in service.contents]

    def give_up(self, content):
        """The bytes are nowhere any more: what is not known to be in Loki may be lost."""
        stored = {entry.text for entry in self.server.stored}
        written = Counter(line.text for service in self.services.values() for line in service.lines)
        for line in content.lines:
            if line.fate == "must" and not (line.text in stored and written[line.text] == 1):
                line.fate = "may"

    def raw(self, name: str, kind: str) -> Raw:
        """A line of some kind; all but the ticks are different from each other."""
        self.count += 1
        gone = sum(content.is_gone for content in self.services[name].contents)
        # Ticks do not tie with what is nowhere any more: after a power cut nobody knows what times that had.
        return RAWS[kind](self.count, f"{name} after {gone}", self.time.wall())


def _json(message: str, time: int) -> Raw:
    written = datetime.fromtimestamp(time // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return Raw(
        b'{"event": "%s", "level": "info", "timestamp": "%s.%06dZ"}'
        % (message.encode(), written.encode(), time % SECOND // 1000),
        time // 1000 * 1000,
    )


RAWS: dict[str, Callable[[int, str, int], Raw]] = {
    "plain": lambda count, name, now: Raw(b"line %d" % count),
    "json": lambda count, name, now: _json(f"json {count}", now),
    # Equal to the last byte within ten minutes: what ties are made of.
    "tick": lambda count, name, now: _json(f"tick of {name}", now // (600 * SECOND) * 600 * SECOND),
    "older": lambda count, name, now: _json(f"older {count}", now - 40 * SECOND),
    "much older": lambda count, name, now: _json(f"much older {count}", now - 4000 * SECOND),
    "long": lambda count, name, now: Raw(b"long %d " % count + b"x" * 600),
    "blank": lambda count, name, now: Raw(b"  "),
    "return": lambda count, name, now: Raw(b"return %d\r" % count),
    "redraw": lambda count, name, now: Raw(b"10%%\r50%%\rredrawn %d" % count),
    "hole": lambda count, name, now: Raw(b"\0" * 50 + b"hole %d" % count),
    "bad": lambda count, name, now: Raw(b"bad \xff\xed\xa0 %d" % count),
}


TestWorld = World.TestCase
TestWorld.settings = settings(
    max_examples=2 * settings().max_examples,
    stateful_step_count=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
