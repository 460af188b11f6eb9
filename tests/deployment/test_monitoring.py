"""The alerts and the dashboard for shipper itself speak of metrics, labels and failures that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shipper.failures import HINTS, NOTICES, Failure
from shipper.ledger import Account, Ledger, Sent
from shipper.metrics import Observed, Reading, render
from shipper.readiness import BLOCKING

MONITORING = Path(__file__).parents[2] / "deployment" / "monitoring" / "configs"
ALERTS = MONITORING / "prometheus" / "rules" / "shipper-alerts.yml"
DASHBOARD = MONITORING / "grafana" / "dashboards" / "shipper.json"
METRIC = re.compile(r"\bshipper_[a-z_]+\b")
SELECTOR = re.compile(r"(shipper_[a-z_]+)\{([^}]*)\}")
GROUPING = re.compile(r"\bby \(([^)]*)\)")
SCRAPED = {"instance", "job", "le"}
"""What Prometheus adds."""


def there_are() -> dict[str, set[str]]:
    """Every sample that an agent renders, with its labels."""
    ledger = Ledger()
    ledger.sent(Sent(at=1, status="204", seconds=0.1, size=1, entries=1, streams=1, detail=""))
    ledger.push_retries["loki_timeout"] += 1
    account = Account()
    account.dropped["blank"] = account.dead_lettered["too_old"] = account.fallbacks["not_json"] = 1
    reading = Reading(source="a", account=account, lag=0, oldest=0.0, files_open=0, streams=0)
    failure = Failure(name="io_error", source="a", what="", detail="", hint="", since=1)
    text = render(Observed(version="1", readings=(reading,), ledger=ledger, failures=(failure,), deleted_bytes_held=0))
    return {
        sample.name: set(sample.labels) for family in text_string_to_metric_families(text) for sample in family.samples
    }


def alerts() -> dict[str, str]:
    """Expressions by alert: the file is YAML of the simplest kind, and read as text."""
    found = re.findall(r"- alert: (\w+)\n +expr: (?:>-\n +)?([^\n]+)\n", ALERTS.read_text())
    assert len(found) == ALERTS.read_text().count("- alert:")
    return dict(found)


def dashboard() -> dict[str, str]:
    """Expressions by panel and variable."""
    document: dict[str, Any] = json.loads(DASHBOARD.read_text())
    panels = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in document["panels"]
        for target in panel["targets"]
    }
    variables = {
        variable["name"]: variable["query"]["query"]
        for variable in document["templating"]["list"]
        if variable["type"] == "query"
    }
    return panels | variables


EXPRESSIONS = {**alerts(), **dashboard()}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_speaks_of_metrics_and_labels_that_there_are(name: str) -> None:
    expression, known = EXPRESSIONS[name], there_are()
    named = set(METRIC.findall(expression))
    assert named <= known.keys()
    assert named or "up{" in expression
    for metric, matchers in SELECTOR.findall(expression):
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|=|!=)", matchers))
        assert labels <= known[metric] | SCRAPED, metric
    grouped = {label.strip() for labels in GROUPING.findall(expression) for label in labels.split(",")}
    assert grouped <= set().union(*(known[metric] for metric in named)) | SCRAPED


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {name.removesuffix("_bucket") for text in dashboard().values() for name in METRIC.findall(text)}
    there = {re.sub(r"_(bucket|sum|count)$", "", name) for name in there_are()}
    assert there == shown


def test_the_alerts_are_of_exactly_those_failures_that_make_an_agent_not_ready() -> None:
    patterns = re.findall(r'name=~"([^"]+)"', " ".join(alerts().values()))
    alerted = {name for name in HINTS for pattern in patterns if re.fullmatch(pattern, name)}
    assert alerted == BLOCKING
    assert not alerted & NOTICES


def test_panels_do_not_overlap_and_have_a_place_each() -> None:
    document = json.loads(DASHBOARD.read_text())
    assert len({panel["id"] for panel in document["panels"]}) == len(document["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in document["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
