"""All sources of a configuration, each with its runner: started, changed, ended, and shown.

Rule 1: a source whose configuration stays does not notice that another's changes.
Rule 2: one that is taken out stops reading at once, and stays in the books and the metrics until all it has read is
        settled; its positions stay in the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final

from shipper.collector import Collector
from shipper.config.changes import Changes
from shipper.config.model import Config
from shipper.metrics import Reading
from shipper.outcome import Progress
from shipper.readings import leaving, progress_of, reading_of
from shipper.room import room_for
from shipper.runner import Runner, Shared
from shipper.sources.step import Extent

STUCK: Final = 30.0
"""Seconds after which a step that has not returned is named: it asks a file system that does not answer."""


class Fleet:
    """The sources of an agent; `open` them, then `run`, then `close`."""

    def __init__(self, config: Config, shared: Shared) -> None:
        self._shared = shared
        self._leaving: set[str] = set()
        """Taken out, with lines in flight."""
        self._former_labels: set[str] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._runners = {source.name: Runner(config, source, shared) for source in config.sources}

    def open(self) -> None:
        """Open every source where the journal left it."""
        for runner in self._runners.values():
            runner.open()

    async def run(self) -> None:
        """Run every source until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for runner in self._runners.values():
                runner.start(tasks)
            await asyncio.Event().wait()

    async def switch(self, config: Config, changes: Changes) -> None:
        """Change to the sources of another configuration; the others go on."""
        self._former_labels = self.label_names()
        sources = {source.name: source for source in config.sources}
        ended = {name: self._runners.pop(name) for name in changes.removed}
        self._leaving |= ended.keys()
        self._leaving -= set(changes.added)
        runners = self._runners | {name: Runner(config, sources[name], self._shared) for name in changes.added}
        self._runners = {name: runners[name] for name in sources}
        await asyncio.gather(
            *(runner.end() for runner in ended.values()),
            *(self._runners[name].change(config, sources[name]) for name in changes.changed),
        )
        if self._tasks is not None:
            for name in (*changes.added, *changes.changed):
                self._runners[name].start(self._tasks)

    def let_go(self) -> None:
        """Forget the sources that were taken out and have nothing in flight any more."""
        for name in tuple(self._leaving):
            if not self._shared.delivery.outstanding(name):
                self._leaving.discard(name)
                self._shared.ledger.accounts.pop(name, None)
                self._shared.held.leave(name)
                self._shared.failures.leave(name, events=True)

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - what is late is left, not cancelled
        """Close each source in its own thread; one that hangs in a step is left to the process's end."""
        closing = {
            asyncio.wrap_future(future): name
            for name, runner in self._runners.items()
            if (future := runner.close()) is not None
        }
        if closing:
            _, late = await asyncio.wait(closing, timeout=max(0.0, timeout))
            for name in sorted(closing[future] for future in late):
                self._shared.failures.begin("source_stuck", "it did not end with the agent", source=name)

    # what there is to see --------------------------------------------------------------------------------------------

    @property
    def collectors(self) -> list[Collector]:
        """The sources that are open."""
        return [runner.collector for runner in self._runners.values() if runner.collector is not None]

    @property
    def idle(self) -> bool:
        """Whether everything there is has been read."""
        return all(runner.idle for runner in self._runners.values())

    def room_for(self, name: str) -> int:
        """Bytes that a source may read now."""
        delivery = self._shared.delivery
        return room_for(delivery.outstanding(name), delivery.total_outstanding(), len(self._runners))

    def label_names(self) -> set[str]:
        """The names of all labels in use, now or by what is still in flight."""
        return self._former_labels.union(*(collector.label_names for collector in self.collectors))

    def progress(self) -> tuple[Progress, ...]:
        """How far each source is."""
        ledger = self._shared.ledger
        return tuple(progress_of(one.source, ledger.account(one.name)) for one in self.collectors)

    @property
    def waiting(self) -> set[str]:
        """Sources that have not looked at what there is yet."""
        return {name for name, runner in self._runners.items() if not runner.begun}

    def readings(self, extents: Mapping[str, Extent]) -> Iterator[Reading]:
        """What is measured of each source; `extents`, where they were asked before."""
        ledger, now = self._shared.ledger, self._shared.clock.now()
        under_way = self._shared.delivery.unsettled()
        for collector in self.collectors:
            name = collector.name
            unsettled, oldest = under_way.get(name, (0, 0))
            yield reading_of(
                name,
                extents.get(name) or collector.source.extent(),
                ledger.account(name),
                unsettled=unsettled,
                oldest=oldest,
                streams=collector.streams,
                now=now,
            )
        for name in sorted(self._leaving):
            unsettled, oldest = under_way.get(name, (0, 0))
            yield leaving(name, ledger.account(name), unsettled=unsettled, oldest=oldest, now=now)

    def name_stuck(self) -> None:
        """Name the sources that are in a step for too long."""
        now = asyncio.get_running_loop().time()
        for name, runner in self._runners.items():
            if runner.stepping_since is not None and now - runner.stepping_since >= STUCK:
                lasted = f"no answer for {now - runner.stepping_since:.0f} s"
                self._shared.failures.begin("source_stuck", lasted, source=name)

    def name_what_ends_with_the_process(self) -> None:
        """Name what only this process can read, and has not read."""
        for collector in self.collectors:
            if left := collector.source.extent().deleted_unread:
                self._shared.failures.begin("deleted_unread", f"{left} bytes", source=collector.name)
