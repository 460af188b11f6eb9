"""What is done to the agent from inside its own process: crashes at named points, faults of the machine, planted bugs.

Rule 1: the product knows nothing of this: its parts are wrapped by name before it starts, and a name that is gone is an
        error, not a scenario that passes.
Rule 2: a crash is SIGKILL to itself: nothing is flushed, nothing is closed.
Rule 3: a planted bug takes one law away and nothing else; the harness must see it.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import inspect
import itertools
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Hook = Callable[..., None]

POINTS: Mapping[str, tuple[str, str]] = {
    "read": ("shipper.collector:Collector.step", "after"),
    "entered": ("shipper.delivery.delivery:Delivery.add", "after"),
    "noted": ("shipper.journal:Journal.note", "after"),
    "before_begin": ("shipper.journal:Journal._begin", "before"),
    "begun": ("shipper.journal:Journal._begin", "after"),
    "planned": ("shipper.delivery.sender:Sender.submit", "after"),
    "before_push": ("shipper.delivery.client:Client.push", "before"),
    "pushed": ("shipper.delivery.client:Client.push", "after"),
    "reacted": ("shipper.delivery.reactions:Reactions.react", "after"),
    "asked": ("shipper.delivery.verify:Verifier.ask", "after"),
    "before_commit": ("shipper.journal:Journal._commit", "before"),
    "committing": ("shipper.journal:write_advances", "after"),
    "committed": ("shipper.journal:Journal._commit", "after"),
    "settled": ("shipper.delivery.settle:Settlement.committed", "after"),
    "closing": ("shipper.delivery.delivery:Delivery.close", "before"),
    "closed": ("shipper.journal:Journal._close", "after"),
}
"""Where the agent can be told to die, on the way of the data: what is passed, and on which side of it."""

_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2
_CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True, slots=True, kw_only=True)
class Sabotage:
    """What is done to one process."""

    crash_at: str = ""
    """A point of POINTS."""
    passage: int = 1
    """At which passage of it."""
    synced: str = ""
    """A directory that gets the journal as the disk has it after each transaction that was synced."""
    clock_steps: bool = False
    """SIGUSR1 steps the clock back by an hour."""
    no_dns_while: str = ""
    """Names cannot be resolved while this file exists."""
    unprivileged: bool = False
    """Permissions of files hold for root too."""
    stuck_reads: str = ""
    """Reads of files below this directory block while it holds a file named `stuck`, as on a mount that hangs."""
    stumbles: int = 0
    """Every so many chunks an error that nobody expects strikes between reading and handing over; 0: never."""
    plants: tuple[str, ...] = field(default=())
    """Bugs of PLANTS."""

    def apply(self) -> None:
        """Do it, before the agent is imported further."""
        if self.clock_steps:
            _step_clock_on_signal()
        if self.no_dns_while:
            _break_dns(Path(self.no_dns_while))
        if self.unprivileged:
            _give_up_privileges()
        if self.stuck_reads:
            _hang_reads(Path(self.stuck_reads))
        if self.synced:
            _keep_synced(Path(self.synced))
        if self.stumbles:
            _hook("shipper.collector:Collector._process", "before", _Stone(self.stumbles))
        for plant in self.plants:
            PLANTS[plant]()
        if self.crash_at:
            target, side = POINTS[self.crash_at]
            _hook(target, side, _Fuse(self.passage))


class _Fuse:
    """Kills the process at the n-th passage."""

    def __init__(self, passages: int) -> None:
        self._left = passages

    def __call__(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class _Stone:
    """Raises at every n-th passage."""

    def __init__(self, every: int) -> None:
        self._passages = itertools.count(1)
        self._every = every

    def __call__(self, *_: object) -> None:
        if next(self._passages) % self._every == 0:
            raise RuntimeError("a stone in the way")


def _hook(target: str, side: str, hook: Hook) -> None:
    """Call `hook(arguments…)` before or after each call of `module:Class.method` or `module:function`."""
    owner, name = _find(target)
    original = inspect.getattr_static(owner, name)
    before, after = (hook, _nothing) if side == "before" else (_nothing, hook)

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def wrapped_async(self: object, *arguments: object, **named: object) -> object:
            before(self, *arguments)
            result = await original(self, *arguments, **named)
            after(self, *arguments)
            return result

        setattr(owner, name, wrapped_async)
        return

    @functools.wraps(original)
    def wrapped(self: object, *arguments: object, **named: object) -> object:
        before(self, *arguments)
        result = original(self, *arguments, **named)
        after(self, *arguments)
        return result

    setattr(owner, name, wrapped)


def _find(target: str) -> tuple[Any, str]:
    module, _, path = target.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, name = path.split(".")
    for part in classes:
        owner = getattr(owner, part)
    getattr(owner, name)
    return owner, name


def _nothing(*_: object) -> None:
    return None


# the machine ---------------------------------------------------------------------------------------------------------


def _step_clock_on_signal() -> None:
    steps: list[int] = []
    real_ns, real = time.time_ns, time.time
    signal.signal(signal.SIGUSR1, lambda *_: steps.append(3600))
    time.time_ns = lambda: real_ns() - sum(steps) * 10**9
    time.time = lambda: real() - sum(steps)


def _break_dns(flag: Path) -> None:
    original = socket.getaddrinfo

    def resolve(*arguments: Any, **named: Any) -> Any:
        if flag.exists():
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return original(*arguments, **named)

    socket.getaddrinfo = resolve


def _give_up_privileges() -> None:
    """Drop the capabilities with which root reads what it may not (capset(2)); others have none to lose."""
    if os.geteuid():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets):
        raise OSError(ctypes.get_errno(), "capget")
    mask = ~((1 << _DAC_OVERRIDE) | (1 << _DAC_READ_SEARCH)) & 0xFFFFFFFF
    for index in range(3):
        sets[index] &= mask
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


def _hang_reads(directory: Path) -> None:
    original = os.pread
    flag = directory / "stuck"

    def pread(descriptor: int, size: int, offset: int) -> bytes:
        while Path(f"/proc/self/fd/{descriptor}").resolve().is_relative_to(directory) and flag.exists():
            time.sleep(0.05)
        return original(descriptor, size, offset)

    os.pread = pread


def _keep_synced(kept: Path) -> None:
    """After each durable transaction, copy the journal: a crash of the machine may take all that came after.

    `kept` is a link to the latest whole copy, so a kill in the middle of one leaves the one before.
    """
    copies = (kept.with_name(f"{kept.name}-{time.monotonic_ns()}-{number}") for number in itertools.count())

    def keep(transaction: Any, kind: object, *_: object) -> None:
        if kind is None and transaction._durable:
            (_, _, name) = transaction._database.execute("PRAGMA database_list").fetchone()
            copy = next(copies)
            copy_journal(Path(name).parent, copy)
            before = kept.resolve() if kept.exists() else None
            link = copy.with_suffix(".link")
            link.symlink_to(copy)
            link.replace(kept)
            if before is not None:
                shutil.rmtree(before)

    _hook("shipper.storage:Transaction.__exit__", "after", keep)


def copy_journal(source: Path, target: Path) -> None:
    """Copy a journal and what belongs to it; what is in the target goes."""
    target.mkdir(exist_ok=True)
    for path in target.glob("journal.db*"):
        path.unlink()
    for path in source.glob("journal.db*"):
        if not path.name.endswith("-shm"):
            shutil.copy2(path, target / path.name)


# bugs ----------------------------------------------------------------------------------------------------------------


def _commit_before_ack() -> None:
    """Positions move as soon as a span is read: what Loki did not get by the next crash is lost."""
    from shipper.delivery.settled import Settled

    def commit(journal: Any, spans: list[Any], *_: object) -> None:
        journal._commit([Settled(span=span, carry=span.carry) for span in spans])

    _hook("shipper.journal:Journal._begin", "after", commit)


def _identity_by_offset() -> None:
    """A file is what its inode and its size say: its content is never looked at."""
    from shipper.sources.file import fingerprint
    from shipper.sources.file.tail import Tail

    fingerprint.agrees = lambda *_: True
    Tail.accepts = lambda *_: True  # type: ignore[method-assign]


def _forgotten_ties() -> None:
    """Each span begins as if none had been before it: equal lines with equal times meet across spans."""
    from shipper.chunk import Carry
    from shipper.pipeline.timestamps import Times

    original = Times.__init__
    Times.__init__ = lambda self, carry, span, clocks=None: original(  # type: ignore[method-assign]
        self, Carry(), span, clocks
    )


def _blames_all() -> None:
    """A refusal of one entry is taken for one of the whole push."""
    from shipper.delivery import isolate, reactions

    original = isolate.isolate

    def blame(push: Any, words: str) -> Any:
        found = original(push, words)
        if not found.offences:
            return found
        return isolate.Isolation([isolate.Offence("too_old", words, isolate.items_of(push))], True)

    reactions.isolate = blame  # type: ignore[attr-defined]


def _goes_together() -> None:
    """Streams that Loki may refuse share their push with others, whose success hides the refusal."""
    from shipper.delivery import batch
    from shipper.delivery.streams import Streams

    Streams.plan = lambda *_: False  # type: ignore[method-assign]
    original = batch._largest_last
    batch._largest_last = lambda streams: dict(reversed(original(streams).items()))


def _never_asks() -> None:
    """What may have been stored is sent again without a question."""
    from shipper.delivery.asking import Asking, Next

    async def resolve(*_: object) -> Next:
        return Next.SEND

    Asking.resolve = resolve  # type: ignore[method-assign, assignment]


PLANTS: Mapping[str, Callable[[], None]] = {
    "commit_before_ack": _commit_before_ack,
    "identity_by_offset": _identity_by_offset,
    "forgotten_ties": _forgotten_ties,
    "blames_all": _blames_all,
    "goes_together": _goes_together,
    "never_asks": _never_asks,
}
