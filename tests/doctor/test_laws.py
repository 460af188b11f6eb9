"""What holds whatever the doctor meets: it changes nothing, hides no hop, and works beside a running agent."""

from __future__ import annotations

import threading

from tests.doctor.machine import Machine, running

from shipper.delivery.wire import parse_labels
from shipper.doctor import examine
from shipper.doctor.hop import State
from shipper.positions import State as Journal

SOURCE = [
    "discover",
    "permissions",
    "freshness",
    "lines",
    "labels",
    "position",
    "canary",
    "read back",
    "arrival",
]
LOKI = ["name", "connect", "ready", "version", "access", "limits", "clock"]


def _snapshot(machine: Machine) -> dict[str, tuple[bytes, int]]:
    """The files of log and journal; not where SQLite notes who reads (-shm)."""
    files = [
        path for root in (machine.logs, machine.data_dir) for path in root.iterdir() if not path.name.endswith("-shm")
    ]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_where_all_is_right_every_hop_is_fine_beside_an_agent(machine: Machine) -> None:
    machine.devloki()
    machine.ship()
    running(machine)
    machine.page(lambda path: (200 if path == "/-/ready" else 404, {}, '{"ready": true, "not_ready": []}'))
    report = machine.examine()
    states = {hop.name: hop.state for section in report.sections for hop in section.hops}
    assert states == dict.fromkeys(["config", "data_dir", "agent", "health", *LOKI, *SOURCE], State.FINE)
    assert report.fine
    assert [verdict.sentence for verdict in report.verdicts] == ["app: every hop works"]


def test_nothing_is_written_but_the_canary_and_no_position_moves(machine: Machine) -> None:
    receiver = machine.devloki()
    machine.ship()
    machine.write(*(machine.line() for _ in range(40)))
    stored = receiver.books.stored
    with Journal(machine.data_dir) as journal:
        positions = journal.positions()
    before = _snapshot(machine)
    machine.examine()
    assert _snapshot(machine) == before
    with Journal(machine.data_dir) as journal:
        assert journal.positions() == positions
    assert receiver.books.stored == stored + 1
    streams = [parse_labels(labels) for labels in receiver.instance.store.tenant("fake").streams]
    assert {"job": "shipper-doctor", "source": "app"}.items() <= streams[-1].items()


def test_a_data_dir_that_is_not_there_is_not_made(machine: Machine, loki: str) -> None:
    machine.url = loki
    machine.examine()
    assert not machine.data_dir.exists()


def test_one_broken_hop_hides_none(machine: Machine) -> None:
    machine.url = "http://127.0.0.1:1"
    machine.paths = "nothing*"
    report = machine.examine()
    assert [hop.name for hop in report.sections[1].hops] == LOKI
    assert [hop.name for hop in report.sections[2].hops] == SOURCE
    states = {hop.name: hop.state for hop in report.sections[1].hops + report.sections[2].hops}
    assert [name for name, state in states.items() if state is State.BROKEN] == ["connect", "discover"]
    untried = [hop for section in report.sections for hop in section.hops if hop.state is State.UNTRIED]
    assert all(hop.saw for hop in untried)


def test_a_read_that_never_returns_holds_up_nothing_else(machine: Machine, loki: str) -> None:
    machine.url = loki
    mended = threading.Event()
    machine.patch.setattr(examine, "LOOKING", 0.2)
    machine.patch.setattr(examine, "survey", lambda *_: mended.wait(60))
    report = machine.examine()
    mended.set()
    assert all(hop.state is not State.BROKEN for hop in report.sections[1].hops)
    (stuck,) = report.sections[2].hops
    assert [found.what for found in stuck.findings] == ["source_stuck: looking at it has not ended after 0.2 s"]


def test_each_thing_that_is_wrong_has_a_cure(machine: Machine) -> None:
    machine.url = "http://127.0.0.1:1"
    machine.write("text", "2099-01-01 text", b"\xff")
    report = machine.examine()
    findings = [found for section in report.sections for hop in section.hops for found in hop.findings]
    assert findings
    assert [found for found in findings if not found.cure] == []
