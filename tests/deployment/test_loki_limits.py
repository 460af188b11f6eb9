"""Loki's configurations let in what the shipper sends by default, and show it at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shipper.config.model import Agent, Loki

CONFIGS = Path(__file__).parents[2] / "deployment/monitoring/configs/loki"
UNITS = {"KB": 1 << 10, "MB": 1 << 20, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "": 1}


def _settings(name: str) -> dict[str, str]:
    """Every `key: value` of the file, keys without their place: Loki's names are unique enough."""
    return dict(
        re.findall(r"^\s*([a-z_0-9]+):[ ]+([^#\s][^#\n]*?)\s*(?:#.*)?$", (CONFIGS / name).read_text(), re.MULTILINE)
    )


def _amount(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([A-Za-z]*)", text).groups()
    return int(number) * UNITS[unit]


@pytest.fixture(params=["loki.yml", "loki-scale.yml"])
def settings(request: pytest.FixtureRequest) -> dict[str, str]:
    return _settings(request.param)


def test_no_entry_is_refused_that_the_shipper_takes_for_good(settings):
    assert _amount(settings["reject_old_samples_max_age"]) >= Loki(url="").max_age
    assert _amount(settings["creation_grace_period"]) >= Loki(url="").max_ahead
    assert _amount(settings["max_line_size"]) >= Agent(data_dir="").max_line_bytes


def test_a_push_fits_into_a_message_to_the_ingester(settings):
    assert _amount(settings["grpc_server_max_recv_msg_size"]) > 3.5 * UNITS["MB"]
    assert _amount(settings["ingestion_burst_size_mb"]) * UNITS["MB"] >= 3.5 * UNITS["MB"]


def test_structured_metadata_is_on_and_the_schema_has_room_for_it(settings):
    assert (settings["allow_structured_metadata"], settings["schema"]) == ("true", "v13")


def test_old_entries_are_found_before_they_are_flushed():
    one, scaled = _settings("loki.yml"), _settings("loki-scale.yml")
    assert (one["object_store"], one["query_store_max_look_back_period"]) == ("filesystem", "-1ns")
    assert (scaled["object_store"], scaled["query_ingesters_within"]) == ("s3", "0")


def test_the_gateway_lets_a_push_through():
    text = (CONFIGS / "gateway.conf").read_text()
    assert int(re.search(r"client_max_body_size (\d+)m;", text).group(1)) >= 4
