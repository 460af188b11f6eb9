"""The live tail, and text of logs that would do harm if it were more than text."""

from __future__ import annotations

import json

import pytest
from tests.web.page.browser import Page
from tests.web.page.conftest import Picture, Station, entry

pytestmark = pytest.mark.e2e

ROWS = 500
"""As in entries.js."""
HOSTILE = "<script>window.harmed = 1</script><img src=/harm onerror='window.harmed = 2'>"
FLOOD = """
window.EventSource = class extends EventTarget {
  constructor() { super(); window.stream = this; }
  close() { window.ended = true; }
};
window.flood = (first, end) => {
  for (let number = first; number < end; number += 1) {
    const entry = { at: new Date().toISOString(), source: 'app', labels: {}, text: `line ${number}`, metadata: {} };
    window.stream.dispatchEvent(new MessageEvent('entry', { data: JSON.stringify(entry) }));
  }
};
"""
"""A stream that is faster than any agent's."""
NAME = HOSTILE.replace("/", "-")
"""As it may stand in the name of a file."""
NAMED = ("sources/vllm", "dead-letters", "labels")
"""Views that show names of files."""
CONTROLS = "\x1b[31mred\x1b[0m \u202eturned\u202c"
SHOWN = "\\x1b[31mred\\x1b[0m \\u202eturned\\u202c"


def listen(page: Page, station: Station, hash_: str = "#tail") -> None:
    """Show the tail, and wait until the agent has begun to tell."""
    page.open(f"{station.url}{hash_}")
    page.until_text("#view-tail .badge", "live")


def rows(page: Page) -> list[str]:
    found = page.run("[...document.querySelectorAll('.entry .text')].map(text => text.innerText)")
    assert isinstance(found, list)
    return found


def test_the_tail_shows_what_is_shipped_and_follows_its_filters(page: Page, busy: Station, picture: Picture) -> None:
    listen(page, busy)
    busy.write("fastapi/app.log", entry("first of all"), entry("an error", level="error"))
    busy.write("vllm/model000.log", "no time, no level")
    page.until("document.querySelectorAll('.entry').length === 3", "three rows")
    assert [text for text in rows(page) if "first of all" in text]
    tones = page.run(
        "Object.fromEntries([...document.querySelectorAll('.entry')].map(e => [e.children[1].innerText, 1]))"
    )
    assert set(tones) == {"fastapi", "vllm"}

    page.run("document.querySelector('.pane').focus()")
    page.press("Home")
    page.press("Enter")
    page.until("!document.querySelector('.entry .more').hidden", "Enter opens the row that the keys walked to")
    assert "job" in page.text(".entry .more")
    assert "#playground?source=" in page.run("document.querySelector('.entry .more a').hash")
    picture(page, "tail-light")

    page.run("document.querySelector('[aria-label=Level]').value = 'error'")
    page.run("document.querySelector('[aria-label=Level]').dispatchEvent(new Event('change'))")
    assert page.run("location.hash") == "#tail?level=error"
    page.until_text("#view-tail .badge", "live")
    busy.write("fastapi/app.log", entry("seen by nobody"), entry("a second error", level="error"))
    page.until("document.querySelectorAll('.entry').length > 0", "a row")
    assert [("a second error" in text) for text in rows(page)] == [True]


def test_rows_are_bounded_however_many_come_and_however_long_a_pause_lasts(page: Page, busy: Station) -> None:
    page.ask("Page.addScriptToEvaluateOnNewDocument", source=FLOOD)
    page.open(f"{busy.url}#tail")
    page.until("window.stream !== undefined", "the tail listens")
    page.run("flood(0, 3000)")
    page.until("document.querySelector('.entry:last-child .text')?.innerText === 'line 2999'", "the newest row")
    assert rows(page) == [f"line {number}" for number in range(3000 - ROWS, 3000)]
    pause = "document.querySelector('.tools [aria-pressed]')"
    page.run(f"{pause}.click()")
    page.run("flood(3000, 6000)")
    page.until_text("#view-tail .tools", f"{ROWS} wait")
    assert rows(page)[-1] == "line 2999"
    page.run(f"{pause}.click()")
    page.until("document.querySelector('.entry:last-child .text').innerText === 'line 5999'", "what waited")
    assert rows(page) == [f"line {number}" for number in range(6000 - ROWS, 6000)]
    page.run("window.ended = false; location.hash = 'overview'")
    page.until("window.ended", "out of sight the tail asks for nothing")


def test_html_and_control_characters_in_logs_are_text(page: Page, station: Station, picture: Picture) -> None:
    station.write(f"vllm/{NAME}.log", f"INFO nothing {HOSTILE}")
    station.write(f"fastapi/{NAME}.log", entry("dead", timestamp="2026-01-02T03:04:05Z"), entry("alive"))
    station.start()
    station.until_settled(3)
    listen(page, station)
    for view in ("overview", "sources/vllm", "failures", "dead-letters", "labels"):
        page.run(f"location.hash = {json.dumps(view)}")
        name = view.split("/")[0]
        page.until_text(f"#view-{name}", NAME if view in NAMED else "fastapi")
    page.run("location.hash = 'tail'")
    page.until_text("#view-tail .badge", "live")
    station.write("fastapi/app.log", entry("message", note=HOSTILE), CONTROLS)
    page.until("document.querySelectorAll('.entry').length >= 2", "both rows")
    assert any(HOSTILE in text for text in rows(page))
    assert SHOWN in rows(page)
    assert page.run("document.querySelectorAll('main img, main script').length") == 0
    assert page.run("window.harmed === undefined")
    assert not [url for url in page.requests if "harm" in url]
    page.media(prefers_color_scheme="dark")
    picture(page, "tail-hostile-dark")
