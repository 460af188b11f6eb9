"""Prometheus' configuration and rules, as its own checker reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.deployment.checkers import ROOT, checker

pytestmark = pytest.mark.e2e

CONFIGS = ROOT / "deployment/monitoring/configs/prometheus"
MOUNTED = "/etc/prometheus/rules"


def test_prometheus_reads_its_configuration_and_the_rules_it_names(tmp_path: Path) -> None:
    text = (CONFIGS / "prometheus.yml").read_text()
    assert f"{MOUNTED}/*.yml" in text
    config = tmp_path / "prometheus.yml"
    config.write_text(text.replace(MOUNTED, str(CONFIGS / "rules")))
    checked = subprocess.run(
        [checker("promtool"), "check", "config", "--lint=all", "--lint-fatal", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for rules in (CONFIGS / "rules").glob("*.yml"):
        assert f"Checking {rules}" in checked.stdout
