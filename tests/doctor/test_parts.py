"""The doctor's pure parts: amounts, limits, zones, contents, identifiers, the verdict."""

from __future__ import annotations

import gzip

import pytest
from tests.doctor.machine import HOUR

from shipper.config.model import Agent, Config, Loki
from shipper.devloki.config_page import config_page
from shipper.devloki.limits import SECOND, UNLIMITED, TenantLimits
from shipper.doctor.amounts import ago, plural, size, some
from shipper.doctor.arrival import Facts, Newest, judge
from shipper.doctor.contents import kind_of
from shipper.doctor.hop import Finding, Hop, Report, Section, State, Verdict, hop, masked, untried
from shipper.doctor.limits import Limits, collisions, read_limits
from shipper.doctor.verdict import verdicts
from shipper.doctor.zone import shift_of, zone_for
from shipper.preview.look import Look

NOW = 1_770_000_000 * SECOND
"""2026-02-02T02:40:00Z."""
BAD = Finding(what="it is wrong", cure="mend it", broken=True)


def test_amounts_are_rounded_to_what_a_person_takes_in() -> None:
    spans = (2 * SECOND, 61 * SECOND, 7300 * SECOND, -90_000 * SECOND)
    assert [ago(span) for span in spans] == ["2 s", "1 minute", "2 hours", "1 day"]
    assert [size(count) for count in (0, 1023, 1536, 5 << 30)] == ["0 bytes", "1023 bytes", "1.5 KiB", "5 GiB"]
    assert [plural(1, "file"), plural(0, "file")] == ["1 file", "0 files"]
    assert some(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_loki_s_own_page_of_limits_is_read() -> None:
    week, minutes = 604_800 * SECOND, 600 * SECOND
    assert read_limits(config_page(TenantLimits(), metadata=True)) == Limits(
        line=256 * 1024, label_names=15, max_age=week, max_ahead=minutes, burst=6 << 20
    )
    assert read_limits(config_page(UNLIMITED, metadata=True)) == Limits()
    written_by_go = "limits_config:\n  max_line_size: 1MB\n  reject_old_samples_max_age: 168h0m0s\n"
    assert read_limits(written_by_go) == Limits(line=1 << 20, max_age=week)


@pytest.mark.parametrize("page", ["", "<html>", "auth_enabled: false\n", "404 page not found"])
def test_what_is_no_such_page_tells_no_limits(page: str) -> None:
    assert read_limits(page) is None


def test_limits_that_hold_what_is_sent_are_no_finding() -> None:
    config = Config(loki=Loki(), agent=Agent())
    assert list(collisions(Limits(), config)) == []
    limits = read_limits(config_page(TenantLimits(), metadata=True))
    assert limits is not None
    assert list(collisions(limits, config)) == []
    unlimited = Config(loki=Loki(max_age=0, max_ahead=0))
    told = [found.what for found in collisions(limits, unlimited)]
    assert told == [
        "Loki takes entries 168h old, and max_age is without limit: older ones are refused",
        "Loki takes entries up to 10m ahead, and max_ahead allows more",
    ]


def _look(ahead: float, changed: int = NOW) -> Look:
    return Look(path="x", size=1, changed=changed, parsed=changed + round(ahead * SECOND))


@pytest.mark.parametrize(
    ("looks", "hours"),
    [
        ([_look(0)], 0),
        ([_look(-2)], 0),
        ([_look(9 * HOUR - 1)], 9),
        ([_look(-5 * HOUR + 3)], -5),
        ([_look(5.5 * HOUR)], 5.5),
        ([_look(9 * HOUR + 60)], 0),
        ([_look(15 * HOUR)], 0),
        ([_look(9 * HOUR), _look(9 * HOUR, NOW - 99)], 9),
        ([_look(9 * HOUR), _look(0, NOW - 99)], 0),
        ([_look(9 * HOUR), Look(path="empty", size=0)], 9),
        ([], 0),
    ],
)
def test_times_are_off_by_a_zone_if_every_file_says_so(looks: list[Look], hours: float) -> None:
    assert shift_of(looks) == hours * HOUR * SECOND


@pytest.mark.parametrize(
    ("hours", "configured", "zone"),
    [
        (9, "UTC", "Etc/GMT-9"),
        (-5, "UTC", "Etc/GMT+5"),
        (-9, "Asia/Seoul", "UTC"),
        (-4, "Asia/Seoul", "Etc/GMT-5"),
        (5.5, "UTC", ""),
    ],
)
def test_the_zone_proposed_adds_to_the_one_configured(hours: float, configured: str, zone: str) -> None:
    assert zone_for(round(hours * HOUR) * SECOND, configured, NOW) == zone


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"2026-01-27 INFO hello\n", ""),
        (b"", ""),
        (b"\n", ""),
        ("안녕하세요\n".encode(), ""),
        ("hello\n".encode("utf-16"), "utf-16"),
        ("hello\n".encode("utf-16-le"), "utf-16"),
        (b"\x28\xb5\x2f\xfd....", "zstd"),
        (b"\xfd7zXZ\x00....", "xz"),
        (b"\0" * 4096, ""),
        (b"\0" * 2000 + b"the rest of a file that was truncated\n", ""),
        (gzip.compress(b"x")[3:], ""),
    ],
)
def test_a_file_is_known_by_its_first_bytes(head: bytes, kind: str) -> None:
    assert kind_of(head) == kind


def _source(*hops: Hop) -> Section:
    return Section(part="source", title="app", hops=hops)


def _loki(*hops: Hop) -> Section:
    return Section(part="loki", title="http://loki", hops=hops)


READ_BACK = hop("read back", "found")


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ([_loki(), _source(hop("lines", "3"), READ_BACK)], [(State.FINE, "app: every hop works")]),
        (
            [_loki(), _source(hop("lines", "3", [Finding(what="odd")]), hop("labels", "", [Finding(what="many")]))],
            [(State.DOUBT, "app: every hop works, have a look at lines and labels")],
        ),
        (
            [_loki(), _source(hop("lines", "3", [BAD]), READ_BACK)],
            [
                (
                    State.BROKEN,
                    "app: the lines are the problem: lines: it is wrong; the connection to Loki works (the canary was "
                    "read back)",
                )
            ],
        ),
        (
            [_loki(hop("connect", "", [BAD])), _source(hop("lines", "3"), untried("canary", "no"))],
            [
                (State.BROKEN, "the connection to Loki is the problem, for every source: connect: it is wrong"),
                (State.FINE, "app: files and lines are fine"),
            ],
        ),
        (
            [_loki(), _source(hop("lines", "3"), hop("canary", "", [BAD]))],
            [
                (
                    State.BROKEN,
                    "app: files and lines are fine; the way to Loki is the problem: canary: it is wrong",
                )
            ],
        ),
        (
            [Section(part="agent", title="agent", hops=(hop("data_dir", "", [BAD]),)), _loki()],
            [(State.BROKEN, "the agent is held up: data_dir: it is wrong")],
        ),
    ],
)
def test_the_verdict_names_the_broken_hop_and_what_works(
    sections: list[Section], told: list[tuple[State, str]]
) -> None:
    assert [(verdict.state, verdict.sentence) for verdict in verdicts(sections)] == told


FACTS = Facts(running=True, behind=0, known=True, flush="http://loki/flush")


@pytest.mark.parametrize(
    ("there", "facts", "state", "what"),
    [
        (NOW, FACTS, State.FINE, ""),
        (NOW - 29 * SECOND, FACTS, State.FINE, ""),
        (0, FACTS, State.BROKEN, "the agent delivered everything, and Loki does not show it under these labels"),
        (
            0,
            Facts(running=True, behind=9, known=True, flush=""),
            State.DOUBT,
            "no line of this source is in Loki yet: the agent is behind",
        ),
        (
            NOW - 90 * SECOND,
            Facts(running=False, behind=9, known=True, flush=""),
            State.DOUBT,
            "the newest lines are not in Loki: no agent runs",
        ),
        (
            0,
            Facts(running=None, behind=0, known=False, flush=""),
            State.DOUBT,
            "no line of this source is in Loki; how far the agent is cannot be seen",
        ),
    ],
)
def test_what_is_not_in_loki_has_the_reason_that_is_left(there: int, facts: Facts, state: State, what: str) -> None:
    found = judge('{job="app"}', Newest(written=NOW, earliest=NOW), there, facts, NOW)
    assert (found.state, "".join(one.what for one in found.findings)) == (state, what)


@pytest.mark.parametrize("running", [True, False, None])
@pytest.mark.parametrize(
    ("there", "behind", "state"),
    [
        (NOW - 2 * HOUR * SECOND, 0, State.FINE),
        (NOW - 1 * HOUR * SECOND, 0, State.FINE),
        (NOW - 3 * HOUR * SECOND, 0, State.BROKEN),
        (NOW - 1 * HOUR * SECOND, 9, State.DOUBT),
        (0, 0, State.BROKEN),
    ],
)
def test_a_last_line_without_a_time_has_one_between_the_line_s_before_it_and_its_file_s(
    there: int, behind: int, state: State, running: bool | None
) -> None:
    newest = Newest(written=NOW, earliest=NOW - 2 * HOUR * SECOND)
    facts = Facts(running=running, behind=behind, known=True, flush="")
    found = judge('{job="app"}', newest, there, facts, NOW)
    assert found.state is (State.DOUBT if state is State.BROKEN and not running else state)


def test_a_report_is_masked_wherever_text_is() -> None:
    report = Report(
        sections=(_source(hop("s3cret", "saw s3cret", [Finding(what="a s3cret", cure="no s3cret")])),),
        verdicts=(Verdict(State.FINE, "s3cret"),),
    )
    hidden = masked(report, lambda text: text.replace("s3cret", "***"))
    assert hidden.sections[0].hops[0].saw == "saw ***"
    assert hidden.sections[0].hops[0].findings == (Finding(what="a ***", cure="no ***"),)
    assert hidden.verdicts == (Verdict(State.FINE, "***"),)
