"""One scenario's world: a directory with logs, a configuration, the agent, the relay before Loki, and what time brings.

Rule 1: whatever is random comes from `chance`, whose seed is printed; time and the machine's load are what they are.
Rule 2: at the end nothing is wrong any more, and everything must be in Loki: the agent is given time, stopped in order,
        and once more run to the end; only then is judged.
"""

from __future__ import annotations

import random
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.torture.agent import Agent, Failed
from benchmarks.torture.lines import Lines, Plain
from benchmarks.torture.logs import Log
from benchmarks.torture.loki import Entry, Loki
from benchmarks.torture.oracle import Expected, Number, Verdict, judge
from benchmarks.torture.relay import Relay
from benchmarks.torture.sabotage import Sabotage

ENOUGH_MEMORY = 100 << 20
"""Bytes the agent may take at most, with up to a hundred files."""
ENOUGH_FOR_A_FILE = 10 << 10
"""Bytes it may take for each file more."""
BUGS = ("source_crashed", "push_attempt_failed", "books_unbalanced", "source_failed", "reload_failed")
"""Events that no trouble excuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that happens again and again while logs are written."""

    name: str
    do: Callable[[World], None]
    every: float
    """Seconds from one time to the next, on average."""
    kind: str = "other"
    """Of a kind there is one at a time: a file rotates in one way."""


@dataclass(slots=True)
class World:
    """Where a scenario plays."""

    root: Path
    loki: Loki
    relay: Relay
    chance: random.Random
    seconds: float
    """How long a scenario's trouble lasts."""
    rate: float
    """Lines a second, of all logs together."""
    patience: float
    """Seconds without any progress after which what is missing is missing."""
    agent: Agent = field(init=False)
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    logs: list[Log] = field(default_factory=list)
    refused: set[Number] = field(default_factory=set)
    free_labels: set[str] = field(default_factory=set)
    in_force: list[Mapping[str, str]] = field(default_factory=list)
    """Labels that a configuration gives every line; each line has those of one of them."""
    ordered: bool = True
    forgiven: set[str] = field(default_factory=set)
    """Events of BUGS that the scenario causes itself."""
    days: float = 1
    """How far back the lines' times reach."""
    tenants: list[str] = field(default_factory=list)
    """Where entries may be, the default tenant if empty."""
    filename: bool = True
    """Whether entries carry their file's name."""
    counts_copies: bool = True
    """Whether what only `count_over_time` sees is held against the agent."""
    joined: bool = False
    """Whether lines are joined to entries of several."""
    remarks: list[str] = field(default_factory=list)
    verdict: Verdict | None = None
    """Of a scenario that was judged before its end, where what it plays in goes with it."""
    _sabotage: Sabotage = field(default_factory=Sabotage)
    _unread: int = 0

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True)
        self.agent = Agent(self.root / "shipper.toml", self.root / "agent.log")

    @property
    def directory(self) -> Path:
        """Where the logs are."""
        return self.root / "logs"

    @property
    def state(self) -> Path:
        """The agent's data directory."""
        return self.root / "state"

    def configure(self, source: str = "", *, loki: str = "", agent: str = "", labels: str = "", url: str = "") -> None:
        """Write shipper.toml: `source` replaces or adds keys of the one source over all `*.log`."""
        keys = {"type": '"file"', "paths": f'["{self.directory}/*.log"]', "rotate_wait": '"1s"'}
        keys |= {"pipeline": '"plaintext"', "labels": '{ job = "torture" }'}
        self._write_configuration(keys | _keys(source), loki=loki, agent=agent, labels=labels, url=url)

    def configure_containers(self, host: str) -> None:
        """Write shipper.toml: the one source is a Docker engine."""
        keys = {"type": '"docker"', "host": f'"{host}"', "pipeline": '"plaintext"'}
        self._write_configuration(keys, loki="", agent="", labels="", url="")

    def _write_configuration(self, keys: Mapping[str, str], *, url: str, **parts: str) -> None:
        self.filename = keys.get("filename_label") != "false"
        self.joined = "multiline" in keys
        source = "\n".join(f"{name} = {value}" for name, value in keys.items())
        text = CONFIGURATION.format(url=url or self.relay.url, run=self.run, root=self.root, source=source, **parts)
        self.agent.config.write_text(text)

    def log(
        self, name: str = "app", lines: Lines | None = None, *, head: bytes = b"", directory: Path | None = None
    ) -> Log:
        """A log that a service writes."""
        log = Log((directory or self.directory) / f"{name}.log", lines or Plain(), head=head)
        self.logs.append(log)
        return log

    def plant(self, plants: tuple[str, ...]) -> None:
        """Take laws away from every agent of this world."""
        self.sabotage(plants=plants)

    def sabotage(self, **named: Any) -> None:
        """Do this too to every agent that starts from now on, until the end."""
        self.agent.sabotage = self._sabotage = replace(self._sabotage, **named)

    def begin(self) -> None:
        """Start the agent, and wait until it ships what there is: what rotated before its first look is none of it."""
        self.agent.start()
        for log in self.logs:
            log.write(10)
        self.delivered()

    # time ------------------------------------------------------------------------------------------------------------

    def live(self, *troubles: Trouble, seconds: float | None = None, rate: float | None = None) -> None:
        """Write at the rate, and let every trouble happen when it is due; an agent that died is started again."""
        begun = at = time.monotonic()
        due = {trouble: begun + self._until(trouble) for trouble in troubles}
        owed = 0.0
        while at < begun + (self.seconds if seconds is None else seconds):
            time.sleep(0.01)
            before, at = at, time.monotonic()
            owed += (at - before) * (self.rate if rate is None else rate)
            owed -= self._write(int(owed))
            for trouble in [trouble for trouble, moment in due.items() if moment <= at]:
                trouble.do(self)
                due[trouble] = at + self._until(trouble)
            self.revive()

    def revive(self) -> None:
        """Start the agent if there is none; one that ended by itself is a failure."""
        if self.agent.running:
            return
        if self.agent.ended_by_itself:
            raise Failed(f"the agent ended by itself: {self.agent.said()[-300:]}")
        self.agent.start()

    def await_(self, check: Callable[[], bool], what: str) -> None:
        """Wait until `check` holds; if it never does, the scenario has failed."""
        end = time.monotonic() + self.patience
        while not check():
            if time.monotonic() > end:
                raise Failed(f"never came true within {self.patience:.0f} s: {what}")
            time.sleep(0.02)

    def expect(self, *names: str) -> None:
        """Wait until the agent has named these failures: nothing is silent."""
        self.await_(lambda: set(names) <= self.agent.named(), f"the agent names {', '.join(names)}")

    def delivered(self) -> None:
        """Wait until everything written so far is in Loki; as long as more of it comes, there is patience."""
        while (stored := self.stored()) < self.wanted():
            self.await_(partial(self._came, stored), f"more than {stored} of {self.wanted()} lines are in Loki")
            time.sleep(0.02)

    def wanted(self) -> int:
        """Lines that must be in Loki by now, at least."""
        return sum(log.count - len(log.at_risk) for log in self.logs) - len(self.refused)

    def stored(self) -> int:
        """Lines that are in Loki, copies included."""
        if self.joined:
            return sum(entry.text.count("\n") + 1 for entry in self._entries())
        return self._counted()

    def _came(self, before: int) -> bool:
        return self.stored() > before

    # the end ---------------------------------------------------------------------------------------------------------

    @property
    def selector(self) -> str:
        """Everything of this world."""
        return f'{{run="{self.run}"}}'

    def judge(self) -> Verdict:
        """Heal what is wrong, give the agent time, end it, and compare."""
        self.relay.heal()
        for log in self.logs:
            log.end_part()
        self.agent.sabotage = self._sabotage
        self.revive()
        self._settle()
        self._end()
        for loki in self._readers():
            loki.flush()
        entries = self._entries()
        counted = self._counted() if self.counts_copies else len(entries)
        verdict = judge(self._expected(), entries, counted, self._unread)
        self._judge_letters(verdict)
        verdict.remarks += self.remarks + self._remarks()
        return verdict

    def judge_streams(self, written: Mapping[tuple[str, str], list[str]], compare: Callable[..., Verdict]) -> None:
        """As `judge`, for containers: what each stream holds, by Docker's own account, against what Loki has of it."""
        self.revive()
        total = sum(map(len, written.values()))
        self.await_(lambda: self.stored() >= total, f"{total} lines of containers are in Loki")
        code = self.agent.stop()
        arrived: dict[tuple[str, str], list[str]] = {}
        for entry in self._entries():
            arrived.setdefault((entry.labels["container"], entry.labels["stream"]), []).append(entry.text)
        self.verdict = compare(written, arrived, self._counted())
        self.verdict.remarks += [f"the agent ended with exit code {code}"] if code else []
        self.verdict.remarks += self.remarks + self._remarks()

    def _settle(self) -> None:
        """Until all is there, or nothing has come for long; what may be there or not has come when no more comes."""
        quiet = 3.0 if any(log.at_risk for log in self.logs) else 0.0
        stored, since = -1, time.monotonic()
        while True:
            self.revive()
            now = self.stored()
            if now != stored:
                stored, since = now, time.monotonic()
            if time.monotonic() - since >= (quiet if now >= self.wanted() else self.patience):
                return
            time.sleep(0.1)
            for loki in self._readers() if self.days > 1 else ():
                loki.flush()

    def _end(self) -> None:
        self.await_(lambda: self.agent.started, "the agent is at work")
        code = self.agent.stop()
        if code:
            self.remarks.append(f"the agent ended with exit code {code}")
        books = self.agent.command("run", "--once")["sources"]
        self._unread = sum(source["truncated_unread"] for source in books)

    def _remarks(self) -> list[str]:
        remarks = [f"the agent logged {name}" for name in BUGS if name in self.agent.named() - self.forgiven]
        if self.agent.memory > ENOUGH_MEMORY + ENOUGH_FOR_A_FILE * len(self.logs):
            remarks.append(f"the agent took {self.agent.memory >> 20} MiB")
        return remarks

    def _judge_letters(self, verdict: Verdict) -> None:
        letters = self.agent.command("dead-letters", "list", "--limit", "100000")["dead_letters"]
        lines = sum(letter["lines"] for letter in letters)
        verdict.letters = abs(lines - len(self.refused))
        if verdict.letters:
            words = f"{lines} lines are dead letters, {len(self.refused)} should be: {letters[:1]}"
            verdict.remarks.append(words[:400])

    def _entries(self) -> list[Entry]:
        return [entry for loki in self._readers() for entry in loki.entries(self.selector, days=self.days)]

    def _counted(self) -> int:
        return sum(loki.count(self.selector, days=self.days) for loki in self._readers())

    def _expected(self) -> Expected:
        shared = {"run": self.run, "job": "torture"}
        return Expected(
            logs=self.logs,
            labels={log.name: {**shared, "filename": str(log.path)} if self.filename else shared for log in self.logs},
            refused=frozenset(self.refused),
            free_labels=frozenset(self.free_labels),
            in_force=self.in_force or ({},),
            ordered=self.ordered,
        )

    def _readers(self) -> list[Loki]:
        return [self.loki.as_tenant(tenant) for tenant in self.tenants] or [self.loki]

    def _write(self, count: int) -> int:
        for number, log in enumerate(self.logs):
            log.write(count // len(self.logs) + (number < count % len(self.logs)))
        return count if self.logs else 0

    def _until(self, trouble: Trouble) -> float:
        return trouble.every * self.chance.uniform(0.5, 1.5)

    def close(self) -> None:
        """End everything."""
        self.agent.kill()
        for log in self.logs:
            log.close()
        self.relay.close()


CONFIGURATION = """\
[loki]
url = "{url}"
batch_wait = "50ms"
timeout = "1500ms"
backoff = {{ min = "20ms", max = "300ms" }}
{loki}

[agent]
data_dir = "{root}/state"
listen = ""
log = {{ level = "info", format = "json" }}
{agent}

[labels]
run = "{run}"
{labels}

[[source]]
name = "torture"
{source}
"""


def _keys(text: str) -> dict[str, str]:
    """Keys and values, a line each."""
    return dict(line.split(" = ", 1) for line in text.splitlines() if " = " in line)


@contextmanager
def world(
    root: Path, loki: str, *, seed: str, seconds: float, rate: float, patience: float, keep: bool = False
) -> Iterator[World]:
    """A new world below `root`; its directory goes with it unless it is to be kept."""
    made = World(root, Loki(loki), Relay(loki), random.Random(seed), seconds, rate, patience)
    try:
        yield made
    finally:
        made.close()
        if not keep:
            shutil.rmtree(root, ignore_errors=True)
