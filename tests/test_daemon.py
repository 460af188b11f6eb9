"""Threads that no exit waits for."""

import asyncio
import subprocess
import sys
import threading

import pytest

from shipper.daemon import Daemon


def test_calls_are_made_in_turn_by_one_thread_and_give_what_they_gave() -> None:
    daemon = Daemon("one")
    names = [daemon.submit(lambda: threading.current_thread().name) for _ in range(2)]
    failing = daemon.submit(int, "none")
    daemon.shutdown()
    assert [future.result() for future in names] == ["one", "one"]
    with pytest.raises(ValueError, match="none"):
        failing.result()


def test_what_was_cancelled_before_its_turn_is_not_called() -> None:
    daemon, go, called = Daemon("one"), threading.Event(), list[int]()
    first = daemon.submit(go.wait)
    second = daemon.submit(called.append, 2)
    second.cancel()
    third = daemon.submit(called.append, 3)
    go.set()
    third.result()
    assert (first.result(), called) == (True, [3])


def test_after_its_end_it_takes_no_calls() -> None:
    daemon = Daemon("one")
    daemon.shutdown()
    with pytest.raises(RuntimeError):
        daemon.submit(int)


def test_it_serves_as_a_loops_default() -> None:
    async def run() -> str:
        asyncio.get_running_loop().set_default_executor(Daemon("default"))
        return await asyncio.to_thread(lambda: threading.current_thread().name)

    assert asyncio.run(run()) == "default"


def test_no_exit_waits_for_a_call_that_never_returns() -> None:
    program = (
        "import asyncio, time\nfrom shipper.daemon import Daemon\n"
        "async def run():\n"
        "    loop = asyncio.get_running_loop()\n"
        "    loop.set_default_executor(Daemon('stuck'))\n"
        "    await asyncio.wait([loop.run_in_executor(None, time.sleep, 3600)], timeout=0.05)\n"
        "asyncio.run(run())\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0
