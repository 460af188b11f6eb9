"""The playground: pasted lines, each stage's effect, and what Loki would get."""

from __future__ import annotations

import json

import pytest
from tests.web.page.browser import Page
from tests.web.page.conftest import Picture, Station, entry

pytestmark = pytest.mark.e2e


def texts(page: Page, selector: str) -> list[str]:
    found = page.run(f"[...document.querySelectorAll({json.dumps(selector)})].map(node => node.innerText)")
    assert isinstance(found, list)
    return found


def paste(page: Page, text: str) -> None:
    """Put the text into the field and run it, with keys alone."""
    page.run("document.querySelector('#playground-text').focus()")
    page.run("document.querySelector('#playground-text').select()")
    page.type(text)
    page.press("Enter", control=True)


def test_a_line_is_taken_through_its_sources_stages(page: Page, busy: Station, picture: Picture) -> None:
    page.open(f"{busy.url}#playground?source=fastapi")
    page.until("document.querySelector('#playground-source').options.length === 2", "both sources can be chosen")
    line = entry("request completed", note="<b>bold</b> \x1b[0m")
    paste(page, line)
    page.until_text("#view-playground .record", "What Loki gets")
    assert [words.split()[0] for words in texts(page, ".step .what")] == ["source", "json", "timestamp", "labels"]
    made = [" ".join(chip.split()) for chip in texts(page, ".step ins.chip")]
    assert "level info" in made
    assert "job fastapi" in made
    assert "note <b>bold</b> \\x1b[0m" in made
    expected = busy.api_post("playground", {"source": "fastapi", "text": line})["records"][0]["entry"]
    labels = dict(chip.split(" ", 1) for chip in texts(page, ".facts dd:first-of-type .chip"))
    assert labels == expected["labels"]
    assert texts(page, ".facts pre") == [line]
    assert expected["at"] in page.text(".facts")
    assert page.run("document.querySelectorAll('#view-playground b').length") == 0
    picture(page, "playground-light")
    page.media(prefers_color_scheme="dark")
    picture(page, "playground-dark")


def test_lines_that_belong_together_are_one_record_and_a_blank_one_is_dropped(page: Page, busy: Station) -> None:
    page.open(f"{busy.url}#playground?source=vllm")
    page.until_text("#headline", "Delivering")
    assert page.run("document.querySelector('#playground-source').value") == "vllm"
    paste(page, 'Traceback (most recent call last):\n  File "a.py", line 1\nKeyError: 1\nnext')
    page.until_text("#view-playground", "Record 2")
    assert [" ".join(title.split()) for title in texts(page, ".record h2")] == ["Record 1 3 lines", "Record 2 1 line"]
    page.run("document.querySelector('#playground-source').value = 'fastapi'")
    paste(page, "first\n\nlast")
    page.until_text("#view-playground", "Record 3")
    assert "blank" in texts(page, ".record")[1]
    assert texts(page, ".facts pre") == ["first", "last"]


def test_what_the_agent_refuses_to_try_is_told_with_the_cure(page: Page, busy: Station) -> None:
    page.open(f"{busy.url}#playground?source=vllm")
    page.until_text("#headline", "Delivering")
    assert page.run("document.querySelector('#playground-source').value") == "vllm"
    page.run("document.querySelector('#playground-path').value = '/x'.repeat(4000)")
    paste(page, "text")
    page.until_text("#view-playground .notice", "path is too long")
    page.complaints = [said for said in page.complaints if "400" not in said]  # the console notes the reply


def test_a_row_of_the_tail_is_taken_to_the_playground(page: Page, busy: Station) -> None:
    page.open(f"{busy.url}#tail?source=fastapi&contains=carried")
    page.until_text("#view-tail .badge", "live")
    line = entry("carried over & kept = as it is + 한글")
    busy.write("fastapi/app.log", line)
    page.until("document.querySelector('.entry .open') !== null", "the row")
    page.run("document.querySelector('.entry .open').click()")
    page.run("document.querySelector('.entry .more a').click()")
    page.until("!document.querySelector('#view-playground').hidden", "the playground")
    assert page.run("document.querySelector('#playground-text').value") == line
    assert page.run("document.querySelector('#playground-source').value") == "fastapi"
