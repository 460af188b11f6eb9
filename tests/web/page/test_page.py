"""The page in a real browser: what it shows is what the agent says, and links, keys and narrow screens work."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.web.page.browser import Page
from tests.web.page.conftest import Picture, Station, entry

pytestmark = pytest.mark.e2e

VIEWS = ("overview", "sources", "sources/vllm", "failures", "pushes", "dead-letters", "labels", "tail", "playground")
NARROW = 360
ASSETS = Path(__file__).parents[3] / "src/shipper/web/assets"


def go(page: Page, view: str) -> None:
    """Show a view, and wait until what it has to show is there."""
    page.run(f"location.hash = {json.dumps(view)}")
    name = view.split("?", maxsplit=1)[0].split("/", maxsplit=1)[0]
    page.until(f"!document.querySelector('#view-{name}').hidden", f"{view} is in sight")
    there = {"sources/vllm": ".pager", "labels": ".label", "dead-letters": ".letter"}.get(view)
    if there:
        page.until(f"document.querySelector('#view-{name} {there}')?.checkVisibility()", f"{view} is filled")


def digits(text: str) -> int:
    return int("".join(letter for letter in text if letter.isdigit()))


def test_the_overview_shows_the_verdict_and_the_books_that_the_agent_keeps(
    page: Page, busy: Station, picture: Picture
) -> None:
    page.open(busy.url)
    page.until_text("#headline", "Delivering")
    status: dict[str, Any] = busy.api("status")
    books = status["books"]
    page.until_text("#view-overview .books", str(books["read"]))
    terms = page.run(
        "Object.fromEntries([...document.querySelectorAll('#view-overview .term')]"
        ".map(term => [term.dataset.term, term.querySelector('.amount').innerText]))"
    )
    assert {name: digits(text) for name, text in terms.items()} == {name: books[name] for name in terms}
    assert set(terms) == {"read", "delivered", "dropped", "dead_lettered", "in_flight"}
    assert books["dropped_by_reason"] == {"blank": 1}
    assert books["dead_lettered_by_reason"] == {"too_old": 1}
    reasons = page.run("[...document.querySelectorAll('#view-overview .reasons .chip')].map(chip => chip.innerText)")
    assert [" ".join(reason.split()) for reason in reasons] == ["blank 1", "too_old 1"]
    names = page.run("[...document.querySelectorAll('#view-overview tbody tr')].map(row => row.cells[0].innerText)")
    assert [name.split() for name in names] == [["fastapi", "file,", "json"], ["vllm", "file,", "text"]]
    picture(page, "overview-light")
    page.run("[...document.querySelectorAll('#view-overview tbody tr')][1].cells[4].click()")
    page.until_text("#view-sources h2:not([hidden] *)", "vllm")
    page.run("location.hash = 'overview'")
    page.until("!document.querySelector('#view-overview').hidden", "back at the overview")
    page.media(prefers_color_scheme="dark")
    picture(page, "overview-dark")


def test_a_link_leads_to_a_source_its_files_and_streams(page: Page, busy: Station, picture: Picture) -> None:
    page.open(f"{busy.url}#sources/vllm?contains=model1")
    page.until_text("#view-sources .pager", "1–20 of 20")
    assert page.run("document.querySelectorAll('#view-sources table:not([hidden]) td.path').length") == 20
    filtered = page.run("document.querySelector('#view-sources input').value")
    assert filtered == "model1"
    page.run("document.querySelector('#view-sources input').focus()")
    page.run("document.querySelector('#view-sources input').select()")
    page.type("model0")
    page.until_text("#view-sources .pager", "1–50 of 100")
    assert page.run("location.hash") == "#sources/vllm?contains=model0"
    page.run("[...document.querySelectorAll('#view-sources .pager button')].at(-1).click()")
    page.until_text("#view-sources .pager", "51–100 of 100")
    assert page.run("location.hash") == "#sources/vllm?contains=model0&offset=50"
    assert page.run("document.activeElement.tagName") == "INPUT", "the focus stays where it was"
    streams = page.run("[...document.querySelectorAll('#view-sources table')].at(-1).innerText")
    assert "job" in streams
    assert "vllm" in streams
    picture(page, "source")


def test_a_link_to_a_source_that_is_not_there_says_which_there_are(page: Page, busy: Station) -> None:
    page.open(f"{busy.url}#sources/nowhere")
    page.until_text("#view-sources .notice", "nowhere")
    assert "fastapi, vllm" in page.text("#view-sources .notice")
    assert "Delivering" in page.text("#headline")
    page.complaints = [said for said in page.complaints if "404" not in said]  # the console notes the reply


def test_pushes_labels_and_dead_letters_are_what_the_api_tells(page: Page, busy: Station, picture: Picture) -> None:
    page.open(f"{busy.url}#dead-letters")
    page.until_text("#view-dead-letters .letter", "too_old")
    letter = busy.api("dead-letters")["dead_letters"][0]
    shown = page.text("#view-dead-letters .letter")
    assert letter["path"] in shown
    assert letter["said"] in shown
    picture(page, "dead-letters")
    go(page, "pushes")
    page.until_text("#view-pushes table", "204")
    assert page.run("document.querySelectorAll('#view-pushes .bars path').length") == len(busy.api("pushes")["pushes"])
    picture(page, "pushes")
    go(page, "labels")
    names, values = (
        page.run(f"[...document.querySelectorAll('.label {part}')].map(card => card.innerText)")
        for part in ("h2 code", ".value")
    )
    told = {label["name"]: label["values"] for label in busy.api("labels")["labels"]}
    assert dict(zip(names, map(digits, values), strict=True)) == told
    picture(page, "labels")


def test_tabs_are_walked_by_keys_and_the_first_tab_stop_skips_them(page: Page, busy: Station) -> None:
    page.open(busy.url)
    page.until_text("#headline", "Delivering")
    page.press("Tab")
    assert page.focused() == "skip"
    assert page.run("document.querySelector('#skip').getBoundingClientRect().top >= 0"), (
        "it shows when it has the focus"
    )
    page.press("Enter")
    assert page.focused() == "main"
    page.run("document.querySelector('#tab-overview').focus()")
    walked = []
    for key in ("ArrowRight", "ArrowRight", "End", "ArrowRight", "ArrowLeft", "Home"):
        page.press(key)
        page.until("document.activeElement.ariaSelected === 'true'", "the tab with the focus is the one shown")
        assert page.run("location.hash") == page.focused().replace("tab-", "#")
        walked.append(page.focused())
    expected = ["sources", "failures", "playground", "overview", "playground", "overview"]
    assert walked == [f"tab-{name}" for name in expected]
    stops = page.run(
        "[...document.querySelectorAll('[role=tab]')].filter(tab => tab.tabIndex === 0).map(tab => tab.id)"
    )
    assert stops == ["tab-overview"]
    outline = page.run("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "the focus is seen"


def test_everything_that_can_be_used_has_a_name(page: Page, busy: Station) -> None:
    page.open(busy.url)
    for view in VIEWS:
        go(page, view)
        nodes = page.ask("Accessibility.getFullAXTree")["nodes"]
        uses = {"button", "link", "tab", "textbox", "searchbox", "combobox", "tabpanel", "image", "table"}
        unnamed = [
            node["role"]["value"]
            for node in nodes
            if not node["ignored"] and node["role"]["value"] in uses and not node.get("name", {}).get("value")
        ]
        assert unnamed == [], view


def test_every_text_can_be_read_in_both_themes(page: Page, busy: Station) -> None:
    contrast = (Path(__file__).parent / "contrast.js").read_text()
    page.open(busy.url)
    page.until_text("#headline", "Delivering")
    for scheme in ("light", "dark"):
        page.media(prefers_color_scheme=scheme)
        for view in VIEWS:
            go(page, view)
            assert page.run(contrast) == {}, f"{view}, {scheme}"


def test_narrow_screens_show_everything_without_scrolling_sideways(page: Page, busy: Station, picture: Picture) -> None:
    page.resize(NARROW, 740)
    page.open(busy.url)
    page.until_text("#headline", "Delivering")
    for view in VIEWS:
        go(page, view)
        assert page.run("document.documentElement.scrollWidth") <= NARROW, view
        picture(page, f"narrow-{view.replace('/', '-')}")


def test_the_theme_is_switched_and_remembered(page: Page, busy: Station) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    page.open(busy.url)
    light = page.run(ground)
    page.media(prefers_color_scheme="dark")
    dark = page.run(ground)
    assert dark != light, "the system's theme is followed"
    page.run("document.querySelector('#theme').click()")
    assert (page.text("#theme"), page.run(ground)) == ("Theme: light", light)
    page.open(f"{busy.url}?again")
    assert (page.text("#theme"), page.run(ground)) == ("Theme: light", light)
    page.run("document.querySelector('#theme').click()")
    assert (page.text("#theme"), page.run(ground)) == ("Theme: dark", dark)


def test_nothing_moves_while_it_loads_and_while_numbers_change(page: Page, busy: Station) -> None:
    page.open(busy.url)
    page.until_text("#view-overview tbody", "vllm")
    page.run(
        "window.moved = 0; new PerformanceObserver(list => list.getEntries().forEach(e => { window.moved += e.value }))"
        ".observe({ type: 'layout-shift', buffered: true })"
    )
    before = busy.api("status")["books"]["read"]
    busy.write("fastapi/app.log", *(entry("more", number=number) for number in range(1000)))
    busy.until_settled(before + 1000)
    amount = "document.querySelector('[data-term=read] .amount').innerText.replace(/\\D/g, '')"
    page.until(f"parseInt({amount}) >= {before + 1000}", "the new lines are in the books")
    page.run("new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 200)))")  # until it is observed
    assert page.run("window.moved") < 0.005


def test_the_agent_is_asked_one_thing_at_a_time_and_nothing_by_a_hidden_tab(page: Page, busy: Station) -> None:
    page.open(f"{busy.url}#pushes")
    page.until("performance.getEntriesByType('resource').filter(e => e.name.includes('/api/')).length >= 4", "it polls")
    times = page.run(
        "performance.getEntriesByType('resource').filter(e => e.name.includes('/api/'))"
        ".map(e => [e.startTime, e.responseEnd])"
    )
    ordered = sorted(times)
    assert all(later[0] >= earlier[1] for earlier, later in pairwise(ordered)), ordered
    starts = [start for start, _ in ordered[::2]]  # each second one is the view's
    assert all(later - earlier >= 990 for earlier, later in pairwise(starts)), starts
    page.run(
        "Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    page.run("new Promise(resolve => setTimeout(resolve, 300))")  # what was under way ends
    asked = len(page.requests)
    page.run("new Promise(resolve => setTimeout(resolve, 1500))")
    assert len(page.requests) == asked
    page.run("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    page.until(
        "performance.getEntriesByType('resource').filter(e => e.name.includes('/api/')).length >= 6", "it goes on"
    )


def test_everything_comes_from_the_agent_and_from_files_in_the_package(page: Page, busy: Station) -> None:
    page.open(busy.url)
    for view in VIEWS:
        go(page, view)
    assert [url for url in page.requests if not url.startswith(busy.url)] == []
    fetched = {url.removeprefix(busy.url).split("?")[0] for url in page.requests}
    shipped = {path.relative_to(ASSETS).as_posix() for path in ASSETS.rglob("*.*")} - {"index.html"}
    assert {name.removeprefix("assets/") for name in fetched if name.startswith("assets/")} == shipped, "no dead file"
