"""Mistakes around the agent: its disk, its data_dir, whether it runs, and what it gave up."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from tests.doctor.machine import DAY, Machine, Reply, running
from tests.doctor.mistake import Book, Mistake

from shipper.doctor import host
from shipper.doctor.hop import State
from shipper.failures import HINTS

book = Book()


@book.broken("agent", "data_dir", r"the disk is full \(4 KiB free\): the journal cannot be written", "df -h .*/data")
def disk_full(machine: Machine) -> None:
    space(machine, f_bavail=1)


@book.doubtful("agent", "data_dir", "the disk is nearly full", "free space on the disk")
def disk_nearly_full(machine: Machine) -> None:
    space(machine, f_bavail=(100 << 20) // 4096)


@book.broken("agent", "data_dir", "no inodes left", "delete small files there")
def no_inodes(machine: Machine) -> None:
    space(machine, f_favail=0)


@book.broken("agent", "data_dir", "cannot be written by this user, so the agent will not start", "change its owner")
def data_dir_that_cannot_be_written(machine: Machine) -> None:
    machine.data_dir.mkdir()
    genuine = os.access
    machine.patch.setattr(os, "access", lambda path, mode: Path(path) != machine.data_dir and genuine(path, mode))


@book.doubtful("agent", "data_dir", r"/data belongs to user \d+, and .* cannot write it", r"sudo -u '#\d+'")
def data_dir_of_the_agent_s_own_user(machine: Machine) -> None:
    data_dir_that_cannot_be_written(machine)
    machine.patch.setattr(os, "geteuid", lambda: 4711)


@book.broken("agent", "data_dir", "app.log is no directory, so the agent will not start", "name another one")
def data_dir_that_is_a_file(machine: Machine) -> None:
    machine.data_dir = machine.log


@book.doubtful("agent", "agent", "nothing is shipped while no agent runs", "start it: shipper run")
def agent_not_started(machine: Machine) -> None:
    machine.devloki()


@book.doubtful("agent", "agent", "no access to .*/data", "run shipper doctor as the agent's user")
def doctor_who_may_not_see_the_journal(machine: Machine) -> None:
    def refuse(_: Path) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    machine.patch.setattr(host, "holder", refuse)


@book.broken("agent", "health", r"loki_blocked: 260 ingestion blocked", "ask Loki's administrator")
def agent_that_knows_what_is_wrong(machine: Machine) -> None:
    failure = {"name": "loki_blocked", "source": "", "detail": "260 ingestion blocked", "hint": HINTS["loki_blocked"]}
    answer = json.dumps({"ready": False, "not_ready": [{**failure, "since": "2026-02-02T02:40:00Z", "count": 1}]})
    machine.page(lambda _: (503, {}, answer))
    running(machine)


@book.broken("agent", "health", r"file_unreadable \(source app\): Permission denied", "read permission on the file")
def agent_that_may_not_read_a_file(machine: Machine) -> None:
    failure = {"name": "file_unreadable", "source": "app", "detail": "Permission denied"}
    answer = json.dumps({"ready": False, "not_ready": [{**failure, "hint": HINTS["file_unreadable"]}]})
    machine.page(lambda _: (503, {}, answer))
    running(machine)


@pytest.mark.parametrize(
    ("reply", "saw"),
    [
        ((404, {}, "not found"), "does not tell (404)"),
        ((200, {}, '{"status": "ok"}'), "does not tell (200)"),
        (None, "does not answer"),
    ],
)
def test_an_agent_that_does_not_tell_is_no_finding(machine: Machine, loki: str, reply: Reply | None, saw: str) -> None:
    machine.url, machine.listen = loki, ":1"
    if reply is not None:
        machine.page(lambda _: reply)
    running(machine)
    health = machine.examine().sections[0].hops[-1]
    assert (health.name, health.state) == ("health", State.UNTRIED)
    assert saw in health.saw


@book.broken("source", "position", "an agent runs, and .* of .*app.log are not shipped", "which failure its log names")
def agent_that_stands_still(machine: Machine) -> None:
    machine.devloki()
    machine.ship()
    running(machine)
    machine.write(*(machine.line(600) for _ in range(40)), age=600)


@book.broken("source", "position", 'positions from when it was of type "file"', "shipper positions reset app")
def source_of_another_type(machine: Machine) -> None:
    machine.devloki()
    machine.ship()
    machine.engine(lambda _: (200, {}, "[]"))


@book.doubtful("source", "position", "kept as dead letters: too_old 1", "shipper dead-letters list --source app")
def dead_letters_left_alone(machine: Machine) -> None:
    machine.devloki()
    machine.write(machine.line(90 * DAY), machine.line())
    machine.ship()


@book.broken("source", "position", "the journal is damaged|file is not a database", "start the agent once")
def journal_damaged(machine: Machine) -> None:
    running(machine)
    (machine.data_dir / "journal.db").write_bytes(b"no database at all" * 100)


@pytest.mark.parametrize("mistake", book.mistakes, ids=str)
def test_a_mistake_is_named_with_its_cure(machine: Machine, mistake: Mistake, loki: str) -> None:
    mistake.check(machine, loki)


def space(machine: Machine, **values: int) -> None:
    """What the disk of data_dir says of itself: blocks of 4 KiB, and these values."""
    genuine = os.statvfs(machine.root)
    fields = {name: getattr(genuine, name) for name in type(genuine).__match_args__}
    fields |= {"f_frsize": 4096, "f_files": 10, "f_favail": 10} | values
    machine.patch.setattr(host.os, "statvfs", lambda _: os.statvfs_result(fields.values()))
