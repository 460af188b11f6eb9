"""Named failures: one line when an episode begins, one when it ends, none between."""

import re

import structlog
from structlog.testing import capture_logs

from shipper.failures import AND_MORE, CROWD, HINTS, Failure, Failures


def test_an_episode_is_logged_once_with_its_hint_and_once_when_it_ends() -> None:
    now = 10**9
    failures = Failures(lambda: now)
    with capture_logs() as logs:
        failures._log = structlog.get_logger()
        failures.begin("loki_unreachable", "connection refused")
        failures.begin("loki_unreachable", "connection refused again")
        now += 2_500_000_000
        failures.end("loki_unreachable")
        failures.end("loki_unreachable")
    assert logs == [
        {
            "event": "loki_unreachable",
            "hint": HINTS["loki_unreachable"],
            "detail": "connection refused",
            "log_level": "error",
        },
        {"event": "loki_unreachable_over", "lasted_seconds": 2.5, "log_level": "info"},
    ]


def test_current_failures_are_told_apart_by_source_and_what() -> None:
    failures = Failures(lambda: 7)
    failures.begin("file_unreadable", "EACCES", source="a", what="/x")
    failures.begin("file_unreadable", "EACCES", source="a", what="/y")
    failures.end("file_unreadable", source="a", what="/x")
    hint = HINTS["file_unreadable"]
    assert failures.current() == (
        Failure(name="file_unreadable", source="a", what="/y", detail="EACCES", hint=hint, since=7),
    )


def test_every_name_is_a_word_and_has_a_hint_of_a_sentence() -> None:
    for name, hint in HINTS.items():
        assert re.fullmatch(r"[a-z_]+", name)
        assert len(hint.split()) >= 5, name


def test_a_crowd_of_one_failure_is_told_one_by_one_up_to_a_bound_and_then_as_one_more() -> None:
    failures = Failures(lambda: 7)
    with capture_logs() as logs:
        failures._log = structlog.get_logger()
        for number in range(3 * CROWD):
            failures.begin("io_error", source="a", what=f"/{number}")
        failures.begin("io_error", source="b", what="/0")
    assert len(logs) == CROWD + 2
    told = [failure.what for failure in failures.current() if failure.source == "a"]
    assert told == [*(f"/{number}" for number in range(CROWD)), AND_MORE]
    for number in range(3 * CROWD):
        failures.end("io_error", source="a", what=f"/{number}")
        assert bool(failures.current()[1:]) == (number < CROWD - 1)
    failures.begin("io_error", source="a", what="/0")
    assert [(failure.source, failure.what) for failure in failures.current()] == [("b", "/0"), ("a", "/0")]


def test_the_states_of_a_source_end_with_it_and_what_happened_to_it_stays_unless_it_is_gone() -> None:
    failures = Failures()
    failures.begin("file_unreadable", source="app", what="/a")
    failures.once("entries_refused", source="app")
    failures.begin("file_unreadable", source="web", what="/a")
    failures.leave("app")
    assert {(one.name, one.source) for one in failures.current()} == {
        ("entries_refused", "app"),
        ("file_unreadable", "web"),
    }
    failures.leave("app", events=True)
    assert {(one.name, one.source) for one in failures.current()} == {("file_unreadable", "web")}


def test_a_failure_for_another_reason_is_told_again_and_ends_once() -> None:
    failures = Failures()
    with capture_logs() as logged:
        failures.renew("reload_refused", "first")
        failures.renew("reload_refused", "second")
        assert [failure.detail for failure in failures.current()] == ["second"]
        failures.end("reload_refused")
    assert [(event["event"], event.get("detail")) for event in logged] == [
        ("reload_refused", "first"),
        ("reload_refused", "second"),
        ("reload_refused_over", None),
    ]
