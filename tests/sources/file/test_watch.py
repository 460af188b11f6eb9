"""Notifications: a real watch over a real directory, driven by events, never by time alone."""

from __future__ import annotations

import asyncio
import os

from shipper.daemon import Daemon
from shipper.failures import Failures
from shipper.sources.file.watch import Watch


class Woken:
    """Records what a watch says."""

    name = "src"

    def __init__(self, plan):
        self.plan = plan
        self.paths = []
        self.event = asyncio.Event()

    def watch_plan(self):
        return self.plan

    def touch(self, path):
        self.paths.append(path)

    async def until(self, path):
        while str(path) not in self.paths:
            self.event.clear()
            await asyncio.wait_for(self.event.wait(), 20)


async def watching(woken, failures, work):
    thread = Daemon("source")
    task = asyncio.create_task(Watch(woken, woken.event, failures, thread).run())
    try:
        await work()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        thread.shutdown()


async def poke_until(woken, path, seen):
    """Write until the watch has begun and says so."""
    async with asyncio.timeout(20):
        while str(seen) not in woken.paths:
            with path.open("ab") as file:
                file.write(b"x")
            await asyncio.sleep(0.05)


def test_a_written_file_wakes_the_source(tmp_path):
    async def scenario():
        woken, failures = Woken({tmp_path: False}), Failures()

        async def work():
            await poke_until(woken, tmp_path / "app.log", tmp_path / "app.log")

        await watching(woken, failures, work)
        assert failures.current() == ()

    asyncio.run(scenario())


def test_a_name_that_is_not_utf8_is_survived_named_and_followed_by_a_sweep(tmp_path):
    async def scenario():
        woken, failures = Woken({tmp_path: True}), Failures()

        async def work():
            await poke_until(woken, tmp_path / "app.log", tmp_path / "app.log")
            os.close(os.open(os.fsencode(tmp_path) + b"/b\xff.log", os.O_CREAT | os.O_WRONLY))
            await woken.until(tmp_path)
            woken.paths.clear()
            await poke_until(woken, tmp_path / "after.log", tmp_path / "after.log")

        await watching(woken, failures, work)
        assert [failure.name for failure in failures.current()] == ["watch_failed"]

    asyncio.run(scenario())


def test_a_directory_that_appears_later_is_watched(tmp_path):
    async def scenario():
        woken, failures = Woken({tmp_path: False}), Failures()
        late = tmp_path / "late"

        async def work():
            await poke_until(woken, tmp_path / "x", tmp_path / "x")
            late.mkdir()
            woken.plan = {late: False}
            await poke_until(woken, late / "app.log", late / "app.log")

        await watching(woken, failures, work)

    asyncio.run(scenario())
