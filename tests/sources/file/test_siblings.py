"""Rotated names as a table."""

from __future__ import annotations

import pytest

from shipper.sources.file.siblings import age, is_sibling, originals

NAMES = [
    "app.log.1",
    "app.log.12",
    "app.log.1.gz",
    "app.log.gz",
    "app.log.old",
    "app.log-20260127",
    "app.log-20260127.gz",
    "app.log.20260127",
    "app.log-2026012715",
    "app.log-20260127-1769500000",
    "app.log.2026-01-27",
    "app.log.2026-01-27_15-00-00",
    "app.log.2026-01-27_15",
    "app.log-20260127.1",
    "app-20260127.log",
    "app-20260127.log.gz",
    "app_20260127.log",
    "app.2026-01-27.log",
    "app.1.log",
    "app-1.log",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_rotated_name_leads_back_to_the_original(name):
    assert "app.log" in originals(name)
    assert is_sibling(f"/l/{name}", "/l/app.log")
    assert not is_sibling(f"/m/{name}", "/l/app.log")


@pytest.mark.parametrize("name", ["app.log", "web.log.1", "app.log.1x", "app.log2", "xapp.log.1", "app.txt.1"])
def test_another_name_does_not(name):
    assert "app.log" not in originals(name)


def test_of_two_numbered_files_the_greater_is_the_older():
    assert sorted(["a.log.2", "a.log.10.gz", "a.log.1", "a.log"], key=age) == [
        "a.log",
        "a.log.1",
        "a.log.2",
        "a.log.10.gz",
    ]
