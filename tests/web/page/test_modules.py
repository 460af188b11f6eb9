"""The page's modules that are pure functions, each as a table; run by the browser that runs the page."""

from __future__ import annotations

import json

import pytest
from tests.web.page.browser import Page
from tests.web.page.conftest import Station

pytestmark = pytest.mark.e2e


def call(page: Page, module: str, function: str, *arguments: object) -> object:
    passed = ", ".join(json.dumps(argument) for argument in arguments)
    return page.run(f"import('/assets/{module}').then(m => m.{function}({passed}))")


@pytest.fixture
def modules(page: Page, busy: Station) -> Page:
    page.open(f"{busy.url}#failures")
    return page


def test_numbers_are_written_for_people(modules: Page) -> None:
    table = {
        ("count", 0): "0",
        ("count", 1234567): "1 234 567",
        ("count", None): "–",
        ("short", 0): "0",
        ("short", 999): "999",
        ("short", 1450): "1.45 k",
        ("short", 999_900): "1.00 M",
        ("bytes", 0): "0 B",
        ("bytes", 1023): "1023 B",
        ("bytes", 1536): "1.50 KiB",
        ("bytes", 100 * 2**20): "100 MiB",
        ("duration", 0): "0 s",
        ("duration", 0.0042): "4.2 ms",
        ("duration", 0.4): "0.4 s",
        ("duration", 59.6): "1 min",
        ("duration", 192.4): "3 min 12 s",
        ("duration", 3600): "1 h",
        ("duration", 187_200): "2 d 4 h",
        ("duration", None): "–",
    }
    found = {key: call(modules, "units.js", *key) for key in table}
    assert {key: str(text).replace("\u202f", " ") for key, text in found.items()} == table


def test_ages_are_told_by_the_agents_clock(modules: Page) -> None:
    now = "2026-01-27T10:00:00.000Z"
    table = {None: "–", "2026-01-27T09:59:59.500Z": "just now", "2026-01-27T09:59:58Z": "2 s ago"}
    table |= {"2026-01-27T08:58:00Z": "1 h 2 min ago", "2026-01-27T10:00:09Z": "just now"}
    found = {then: call(modules, "units.js", "ago", then, now) for then in table}
    assert {then: str(text).replace("\u202f", " ") for then, text in found.items()} == table


def test_the_verdict_follows_from_the_status(modules: Page) -> None:
    def failure(name: str, source: str = "", *, notice: bool = False) -> dict[str, object]:
        since = "2026-01-27T09:56:48Z"
        return {"name": name, "source": source, "notice": notice, "since": since, "detail": "why", "hint": "do this"}

    def judged(failures: list[dict[str, object]], not_ready: list[dict[str, object]]) -> tuple[object, ...]:
        status = {"ready": not not_ready, "not_ready": not_ready, "failures": failures, "rates": {"lines": [1, 3]}}
        loki = {"url": "http://loki:3100", "last_push_at": "2026-01-27T09:59:58Z"}
        found = call(modules, "verdict.js", "judge", {**status, "loki": loki, "now": "2026-01-27T10:00:00Z"})
        assert isinstance(found, dict)
        return tuple(found[part].replace("\u202f", " ") for part in ("state", "headline", "because", "cure", "more"))

    well = "2 lines/s to http://loki:3100; last push 2 s ago"
    notice, refused, gone = failure("timezone", notice=True), failure("entries_refused", "app"), failure("loki_timeout")
    fine = "No failures, and the books balance."
    assert judged([], []) == ("delivering", "Delivering", well, fine, "")
    assert judged([notice], []) == ("notices", "Delivering; 1 thing to look at", well, "", "timezone")
    found = judged([notice, refused], [])
    assert found == ("troubled", "Delivering, but: entries_refused in app", well, "do this", "")
    state, headline, because, cure, more = judged([gone, refused], [gone, failure("io_error", "app")])
    assert (state, headline, cure) == ("failing", "Not delivering: loki_timeout", "do this")
    assert because.startswith("For 3 min 12 s, since ")
    assert because.endswith(": why")
    assert more == "and 1 other failure"
    assert judged([], [failure("starting")])[:2] == ("waiting", "Starting")


def test_hidden_characters_are_shown_as_escapes(modules: Page) -> None:
    table = {
        "plain\ttext\n": "plain\ttext\n",
        "\x1b[31mred\x00": "\\x1b[31mred\\x00",
        "\r": "\\x0d",
        "abc\u202edef\ufeff": "abc\\u202edef\\ufeff",
        "\u200bzero\x7f\x85": "\\u200bzero\\x7f\\x85",
        "한글 🎉": "한글 🎉",
    }
    assert {text: call(modules, "dom.js", "visible", text) for text in table} == table


def test_a_route_is_read_as_it_was_written(modules: Page) -> None:
    for view, argument, params in (
        ("overview", "", {}),
        ("sources", "a/b?c#d %41", {"contains": "x&y=z +", "offset": "50"}),
        ("tail", "", {"source": "<img>", "contains": "한글"}),
    ):
        written = call(modules, "route.js", "format", view, argument, params)
        assert call(modules, "route.js", "parse", written) == {"view": view, "argument": argument, "params": params}
    assert call(modules, "route.js", "parse", "#sources/%zz") == {"view": "sources", "argument": "%zz", "params": {}}


def test_a_diff_put_together_gives_both_texts(modules: Page) -> None:
    for before, after, pieces in (
        ("", "", []),
        ("same", "same", [["same", "same"]]),
        ("", "new", [["new", "new"]]),
        ("user=bob id=7", "user=*** id=7", [["same", "user="], ["gone", "bob"], ["new", "***"], ["same", " id=7"]]),
        ("a b c d", "a c e d", [["same", "a "], ["gone", "b "], ["same", "c"], ["new", " e"], ["same", " d"]]),
        ("x" + " y" * 900, "z" + " w" * 900, None),
    ):
        found = call(modules, "diff.js", "diff", before, after)
        assert isinstance(found, list)
        assert "".join(text for kind, text in found if kind != "new") == before
        assert "".join(text for kind, text in found if kind != "gone") == after
        assert pieces is None or found == pieces


def test_a_line_of_samples_ends_at_the_right_and_fits_its_scale(modules: Page) -> None:
    assert [call(modules, "spark.js", "roundUp", value) for value in (0, 0.5, 1, 1.2, 247, 2471, 10_000)] == [
        1,
        0.5,
        1,
        1.5,
        250,
        2500,
        10_000,
    ]
    assert call(modules, "spark.js", "line", [], 1) == ""
    assert call(modules, "spark.js", "line", [0, 5, 10], 10) == "M297,60.0L298,32.0L299,4.0"
