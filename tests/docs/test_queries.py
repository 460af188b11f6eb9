"""Every LogQL query of the documentation, asked of devloki after the real agent has shipped the sample logs to it.

The configuration is the stack's. Beside it stand sources for what the samples have not: containers' output (as files,
under the labels that docs/docker.md says; tests/e2e/docker has the real ones), the second agent of the change-over from
Alloy, and lines whose times were corrected.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import msgspec
import pytest
from tests.docs.pages import PAGES, ROOT, fences

from shipper.agent import Agent
from shipper.config.loading import load
from shipper.config.model import Config
from shipper.devloki.logql.parser import parse_query
from shipper.devloki.logql.syntax import LogQuery, QueryError
from shipper.devloki.server import Receiver

STACK: Final = ROOT / "deployment/monitoring/configs/shipper/shipper.toml"
CHANGED: Final = 1_769_558_400
"""2026-01-28T00:00:00Z, when the samples were last written: the year of times that have none."""
WINDOWS: Final = (
    ("2026-01-27T15:38:00Z", "2026-01-27T16:20:00Z"),
    ("2026-02-04T03:40:00Z", "2026-02-04T04:00:00Z"),
    ("2026-02-10T09:00:00Z", "2026-02-10T09:20:00Z"),
)
"""When the samples have lines."""
APP: Final = {
    "event": "chat_failed",
    "level": "error",
    "timestamp": "2026-01-27T15:46:41.479516Z",
    "app": "python-starter-kit",
    "env": "production",
    "service": "python-starter-kit",
    "request_id": "3b64dae4",
}
BESIDE: Final = """
[[source]]
name = "containers"
type = "file"
paths = ["{logs}/containers/*.log"]
filename_label = false
labels = {{ container = "fastapi", compose_service = "fastapi-server", compose_project = "docker", stream = "stderr" }}

[[source]]
name = "change-over"
type = "file"
paths = ["{logs}/fastapi/app.log"]
labels = {{ job = "fastapi", service = "mlops", agent = "shipper" }}
pipeline = "json"

[[source]]
name = "corrected"
type = "file"
paths = ["{logs}/corrected/*.log"]
labels = {{ job = "corrected" }}
pipeline = "corrected"

[[pipeline.corrected]]
stage = "json"
[[pipeline.corrected]]
stage = "timestamp"
[[pipeline.corrected]]
stage = "metadata"
from = ["original_timestamp"]
"""
BEYOND: Final = frozenset(
    {
        '{job="fastapi"} | json | line_format "{{.method}} {{.path}} {{.status_code}} {{.duration_ms}} ms"',
        '{job="mlflow"} |= "HTTP/1.1" | pattern "<ip> - - [<_>] \\"<method> <path> <_>\\" <status> <_>" '
        "| status >= 400",
        'avg_over_time({job="vllm"} |= "generation throughput" | regexp "generation throughput: (?P<tokens>[0-9.]+)" '
        "| unwrap tokens [1m])",
        'absent_over_time({job="fastapi"}[10m])',
    }
)
"""What devloki's grammar has not: these are asked of a real Loki alone (SHIPPER_TEST_LOKI_URL)."""
NOTHING: Final = frozenset({'{job="fastapi"} |~ "status_code\\":5.."'})
"""What finds nothing in the samples, as the page says."""
UNPARSED: Final = frozenset(
    {
        'avg_over_time({job="fastapi"} | json | unwrap duration_ms [5m])',
        'sum by (request_id) (count_over_time({job="fastapi"} | json [5m]))',
    }
)
"""What Loki refuses to count since some of the samples' lines are no JSON, as the page says."""
QUERIES: Final = sorted({fence.text.strip() for page in PAGES for fence in fences(page, "logql")})
ANSWERED: Final = [query for query in QUERIES if query not in BEYOND]


def _logs(root: Path) -> Path:
    logs = root / "logs"
    shutil.copytree(ROOT / "tests/samples", logs)
    corrected = {"event": "x", "timestamp": APP["timestamp"], "original_timestamp": "2027-01-01T00:00:00Z"}
    for name, event in (("apps/python-starter-kit", APP), ("containers", APP), ("corrected", corrected)):
        (logs / name).mkdir(parents=True)
        (logs / name / "app.log").write_text(json.dumps(event) + "\n")
    for path in logs.rglob("*.log*"):
        os.utime(path, (CHANGED, CHANGED))
    return logs


def _config(root: Path, url: str) -> Config:
    logs, password = _logs(root), root / "password"
    password.write_text("secret\n")
    path = root / "shipper.toml"
    path.write_text(STACK.read_text() + BESIDE.format(logs=logs))
    places = {"LOKI_URL": url, "LOG_ROOT": str(logs), "SHIPPER_DATA_DIR": str(root / "state")}
    config = load(path, {**places, "SHIPPER_WEB_PASSWORD_FILE": str(password), "SHIPPER_LISTEN": "127.0.0.1:0"})
    return msgspec.structs.replace(config, loki=msgspec.structs.replace(config.loki, max_age=0))


async def _ask(client: httpx.AsyncClient, url: str, query: str) -> str:
    """What came back, over all windows: "lines" for streams or series, "nothing", or the error."""
    found = 0
    for start, end in WINDOWS:
        asked = {"query": query, "start": start, "end": end, "step": "30s", "limit": "5000"}
        reply = await client.get(f"{url}/loki/api/v1/query_range", params=asked)
        if reply.status_code != 200:
            return reply.text
        found += len(reply.json()["data"]["result"])
    return "lines" if found else "nothing"


async def _ship_and_ask(root: Path) -> dict[str, str]:
    async with Receiver(limits=False) as receiver:
        async with Agent(_config(root, receiver.url), once=True) as agent:
            outcome = await asyncio.wait_for(agent.run(), 120)
        assert outcome.code == 0, outcome
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            return {query: await _ask(client, receiver.url, query) for query in ANSWERED}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return asyncio.run(_ship_and_ask(tmp_path_factory.mktemp("queries")))


@pytest.mark.parametrize("query", ANSWERED)
def test_a_query_finds_something_in_the_samples(query, answers):
    if query in UNPARSED:
        assert "pipeline error: 'JSONParserErr'" in answers[query]
    else:
        assert answers[query] == ("nothing" if query in NOTHING else "lines")


@pytest.mark.parametrize("query", QUERIES)
def test_devloki_reads_all_but_those_said_to_be_beyond_it(query):
    try:
        parse_query(query)
    except QueryError:
        assert query in BEYOND
    else:
        assert query not in BEYOND


def test_queries_that_have_to_go_on_working_are_on_the_page():
    page = {fence.text.strip() for fence in fences(ROOT / "docs/queries.md", "logql")}
    assert [query for query in KEPT if query not in page] == []


KEPT: Final = (
    '{job="fastapi"}',
    '{job="vllm"}',
    '{job="mlflow"}',
    '{container="fastapi"}',
    '{compose_service="fastapi-server"}',
    '{job="fastapi", level="error"}',
    '{service="mlops", log_type="api"}',
    '{app="python-starter-kit", env="production", level="error"}',
    '{job="fastapi"} |= "error"',
    '{job="fastapi"} != "error"',
    '{job="fastapi"} |~ "status_code\\":5.."',
    '{job="fastapi"} |= "POST"',
    '{job="fastapi"} | json | status_code > 400',
    'avg_over_time({job="fastapi"} | json | unwrap duration_ms [5m])',
    'sum by (request_id) (count_over_time({job="fastapi"} | json [5m]))',
    'rate({job="fastapi"}[1m])',
    'sum(rate({job="fastapi", level="error"}[5m])) / sum(rate({job="fastapi"}[5m]))',
)
"""What users of the stack have in their dashboards and notes."""


def _answer(url: str, query: str) -> Any:
    asked = urlencode({"query": query, "step": "30s", "limit": "10"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url.rstrip('/')}/loki/api/v1/query_range?{asked}", timeout=60) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        return error.read().decode()


@pytest.mark.skipif("SHIPPER_TEST_LOKI_URL" not in os.environ, reason="no SHIPPER_TEST_LOKI_URL: devloki cannot say")
def test_a_real_loki_reads_every_query():
    answers = {query: _answer(os.environ["SHIPPER_TEST_LOKI_URL"], query) for query in QUERIES}
    assert {query: answer for query, answer in answers.items() if isinstance(answer, str)} == {}


def test_each_query_is_one_line_and_starts_with_a_selector_or_a_function():
    assert [query for query in QUERIES if "\n" in query] == []
    assert {type(parse_query(query)) is LogQuery for query in ANSWERED} == {True, False}
