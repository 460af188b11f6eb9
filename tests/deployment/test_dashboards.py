"""Grafana's dashboards and data sources: queries that Loki reads, over labels that the shipped configuration makes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from shipper.devloki.logql.parser import parse_query

CONFIGS = Path(__file__).parents[2] / "deployment/monitoring/configs"
DASHBOARDS = sorted((CONFIGS / "grafana/dashboards").glob("*.json"))
BY_THEMSELVES = {"level", "filename"}
VARIABLES = {
    "$__auto": "1m",
    "$__range": "1h",
    "$__interval": "1m",
    "$__rate_interval": "1m",
    "${__value.raw}": "value",
    "$job": "fastapi",
    "$level": "error",
    "$text": "text",
}


def _dashboard(path: Path) -> Any:
    return json.loads(path.read_text())


def _filled(query: str) -> str:
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    assert "$" not in query, query
    return query


def _panels(dashboard: Any) -> Iterator[Any]:
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


def _loki_queries() -> Iterator[str]:
    for path in DASHBOARDS:
        dashboard = _dashboard(path)
        for panel in _panels(dashboard):
            for target in panel.get("targets", ()):
                if target["datasource"]["uid"] == "loki":
                    yield target["expr"]
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query" and variable["datasource"]["uid"] == "loki" and variable["query"]["stream"]:
                yield variable["query"]["stream"]


def _produced() -> set[str]:
    """The labels that the stack's shipper makes."""
    config = tomlkit.parse((CONFIGS / "shipper/shipper.toml").read_text()).unwrap()
    labels = set(config["labels"]) | BY_THEMSELVES
    for source in config["source"]:
        labels |= set(source["labels"]) | set(re.findall(r"\?P<(\w+)>", source.get("path_labels", "")))
    for stages in config["pipeline"].values():
        for stage in stages:
            labels |= set(stage["from"]) if stage["stage"] == "labels" else set()
    return labels


def test_there_is_the_log_viewer():
    assert "logs.json" in {path.name for path in DASHBOARDS}


@pytest.mark.parametrize("query", sorted(set(_loki_queries())))
def test_a_query_is_read_and_its_labels_are_made(query):
    filled = _filled(query)
    parse_query(filled)
    names = {name for body in re.findall(r"\{([^{}]*)\}", filled) for name in re.findall(r'(\w+)\s*[=!]~?=?"', body)}
    assert names - _produced() == set()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_can_be_provisioned(path):
    dashboard = _dashboard(path)
    panels = list(_panels(dashboard))
    identities = [panel["id"] for panel in panels]
    assert len(identities) == len(set(identities))
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)
    assert dashboard["uid"]
    assert dashboard["title"]


def test_dashboards_ask_the_data_sources_that_are_provisioned():
    provisioned = (CONFIGS / "grafana/provisioning/datasources/datasources.yml").read_text()
    known = set(re.findall(r"^\s+uid: (\S+)$", provisioned, re.MULTILINE))
    asked = {
        target["datasource"]["uid"]
        for path in DASHBOARDS
        for panel in _panels(_dashboard(path))
        for target in panel.get("targets", ())
    }
    assert asked <= known
