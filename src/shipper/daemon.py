"""Threads that no exit waits for.

Rule 1: one thread each, calls in turn: what belongs to it (a source's files, the journal's database) needs no lock.
Rule 2: a call that never returns, such as a read on a hung mount or a name lookup without an answer, holds up what
        waits for it, and never the end of the process: Python's own executors join their threads at exit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Daemon(ThreadPoolExecutor):
    """An executor with one daemon thread; a ThreadPoolExecutor by name alone: asyncio wants its default to be one."""

    def __init__(self, name: str) -> None:
        super().__init__(1)
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._ended = False
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have the thread call `fn` when it comes to it."""
        if self._ended:
            raise RuntimeError("this thread takes no more calls")
        future: Future[T] = Future()
        self._calls.put(lambda: _call(future, lambda: fn(*args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; those submitted before are still made. Never waits."""
        self._ended = True
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def _call(future: Future[Any], call: Callable[[], object]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - whoever waits for the call gets it
        future.set_exception(error)
