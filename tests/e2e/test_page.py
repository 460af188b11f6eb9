"""The page of the real agent through an outage: not ready within five seconds, ready again within five."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e

SOURCE = """
[[source]]
name = "app"
type = "file"
paths = ["{logs}/*.log"]
pipeline = "plaintext"
"""
SECONDS = 5.0
PATIENT = '{ min = "30s", max = "30s" }'
"""Left to itself a push that was refused would wait up to half a minute."""


class Seen:
    """The agent's page from outside."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.url = ""

    def wait_for_it(self) -> None:
        """Until the agent says where it listens."""

        def said() -> bool:
            found = re.search(r"http://127\.0\.0\.1:\d+(?=/)[^\n]*", "\n".join(self._listening()))
            self.url = found[0].split('"')[0].rstrip("/") if found else ""
            return bool(found)

        wait(said, "the agent listens")

    def _listening(self) -> list[str]:
        return [line for line in self.world.agent_log().splitlines() if "listening" in line]

    def get(self, path: str, accept: str = "*/*") -> tuple[int, str]:
        request = urllib.request.Request(self.url + path, headers={"Accept": accept})
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def status(self) -> Any:
        return json.loads(self.get("/api/v1/status")[1])

    def takes(self, status: int) -> float:
        """Seconds until `/-/ready` says so."""
        began = time.monotonic()
        wait(lambda: self.get("/-/ready")[0] == status, f"/-/ready says {status}")
        return time.monotonic() - began

    def metric(self, name: str) -> float:
        families = text_string_to_metric_families(self.get("/metrics")[1])
        return sum(sample.value for family in families for sample in family.samples if sample.name == name)


def wait(check: Any, what: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.05)


@pytest.fixture
def page(world: Any) -> Seen:
    world.configure(SOURCE, listen="127.0.0.1:0", backoff=PATIENT)
    seen = Seen(world)
    world.start()
    seen.wait_for_it()
    return seen


def test_an_idle_agent_is_not_ready_within_five_seconds_of_an_outage_and_ready_within_five_of_its_end(
    world: Any, page: Seen
) -> None:
    page.takes(200)
    world.relay.close()
    assert page.takes(503) < SECONDS
    status, told = page.get("/-/ready")
    assert (status, told.split(":")[0]) == (503, "loki_unreachable")
    assert "check that Loki runs" in told
    assert page.get("/-/healthy")[0] == 200
    world.relay.open()
    assert page.takes(200) < SECONDS
    (ended,) = json.loads(page.get("/api/v1/failures")[1])["ended"]
    assert (ended["name"], ended["notice"]) == ("loki_unreachable", False)


def test_what_waits_goes_when_loki_is_back_and_lag_and_age_rise_and_fall(world: Any, page: Seen) -> None:
    page.takes(200)
    world.relay.close()
    log = world.logs / "app.log"
    lines = [f"line {number}" for number in range(500)]
    log.write_text("".join(f"{line}\n" for line in lines))
    page.takes(503)
    wait(lambda: page.metric("shipper_lines_in_flight") == len(lines), "all lines are in flight")
    status = page.status()
    assert (status["ready"], status["lag_bytes"], status["books"]["balanced"]) == (False, log.stat().st_size, True)
    assert page.metric("shipper_lag_bytes") == log.stat().st_size
    older = status["oldest_unsettled_seconds"]
    wait(lambda: page.metric("shipper_oldest_unsettled_seconds") > older + 0.5, "the oldest line grows older")
    world.relay.open()
    assert page.takes(200) < SECONDS
    wait(lambda: page.metric("shipper_lag_bytes") == 0, "the lag falls", SECONDS)
    assert page.metric("shipper_oldest_unsettled_seconds") == 0
    world.expect(world.selector(), lines)
    status = page.status()
    assert (status["ready"], status["books"]["delivered"], status["lag_bytes"]) == (True, len(lines), 0)
    assert world.stop() == 0


def test_a_server_that_answers_5xx_is_not_ready_and_what_waits_goes_when_it_is_mended(world: Any, page: Seen) -> None:
    page.takes(200)
    world.relay.fail("503", forever=True)
    (world.logs / "app.log").write_text("one\n")
    assert page.takes(503) < SECONDS
    assert page.get("/-/ready")[1].startswith("loki_server_error: 503 no healthy upstream | ")
    world.relay.close()
    wait(lambda: "loki_unreachable" in page.get("/-/ready")[1], "nobody listens")
    world.relay.heal()
    assert page.takes(200) < SECONDS
    world.expect(world.selector(), ["one"])


def test_a_reload_is_asked_for_by_post_and_says_what_is_wrong(world: Any, page: Seen) -> None:
    def reload() -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(f"{page.url}/-/reload", data=b"", timeout=20) as reply:
                return reply.status, json.loads(reply.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    page.takes(200)
    right = world.config.read_text()
    world.config.write_text(right.replace('"plaintext"', '"plantext"'))
    status, refused = reload()
    assert (status, len(refused["problems"])) == (409, 1)
    assert "plantext" in refused["problems"][0]
    world.config.write_text(right + SOURCE.replace("app", "more").replace("{logs}", str(world.logs / "more")))
    status, done = reload()
    assert (status, done["reloaded"], done["changes"]["added"]) == (200, True, ["more"])
    # A source that was added is opened in its own time.
    eventually(lambda: [one["name"] for one in page.status()["sources"]] == ["app", "more"], "both sources are shown")
