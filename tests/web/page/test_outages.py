"""What the page shows when Loki or the agent goes away, and when it comes back."""

from __future__ import annotations

import pytest
from tests.web.page.browser import Page
from tests.web.page.conftest import Picture, Station, entry

pytestmark = pytest.mark.e2e


def test_an_outage_of_loki_is_the_verdict_with_its_cure_and_its_end_clears_it(
    page: Page, station: Station, picture: Picture
) -> None:
    station.write("fastapi/app.log", *(entry("before", number=number) for number in range(50)))
    station.start()
    station.until_settled(50)
    page.open(station.url)
    page.until_text("#headline", "Delivering")

    station.relay.close()
    station.write("fastapi/app.log", *(entry("meanwhile", number=number) for number in range(30)))
    page.until_text("#headline", "Not delivering: loki_unreachable")
    hint = station.until(lambda status: bool(status["not_ready"]), "the failure is named")["not_ready"][0]["hint"]
    page.until_text("#cure", hint)
    assert page.text("#because").startswith("For ")
    assert page.run("document.title").startswith("✗")
    page.until_text("#said", "Not delivering")
    page.until_text("#view-overview [data-term=in_flight] .amount", "30")
    page.until_text("#view-overview .failure", "loki_unreachable")
    picture(page, "loki-down-light")
    page.media(prefers_color_scheme="dark")
    picture(page, "loki-down-dark")
    page.resize(360, 740)
    picture(page, "loki-down-narrow")

    station.relay.open()
    page.until("['delivering', 'notices'].includes(document.querySelector('#verdict').dataset.state)", "it delivers")
    page.until_text("#view-overview [data-term=delivered] .amount", "80")
    page.run("location.hash = 'failures'")
    page.until_text("#view-failures table", "loki_unreachable")
    assert "loki_unreachable" not in page.text("#view-failures .failures")
    page.resize(1280, 900)
    picture(page, "failures-ended")


def test_an_agent_that_does_not_answer_is_told_since_when_until_it_is_back(
    page: Page, station: Station, picture: Picture
) -> None:
    station.start()
    page.open(station.url)
    page.until_text("#headline", "Delivering")
    station.stop()
    page.until_text("#headline", "The agent does not answer")
    assert page.text("#because").startswith("For ")
    assert "since " in page.text("#because")
    assert page.run("document.body.className") == "stale"
    assert "journal" in page.text("#cure")
    picture(page, "agent-gone")
    station.start()
    page.until_text("#headline", "Delivering")
    assert page.run("document.body.className") == ""
    refused = [said for said in page.complaints if "ERR_CONNECTION" in said or "ERR_EMPTY_RESPONSE" in said]
    assert refused, "the console notes that nobody answered"
    page.complaints = [said for said in page.complaints if said not in refused]
