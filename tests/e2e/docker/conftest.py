"""A Docker engine of the tests' own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from benchmarks.torture.engine import MISSING, Dockerd, can_run, engine


@pytest.fixture(scope="session")
def dockerd() -> Iterator[Dockerd]:
    if not can_run():
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with engine() as made:
        yield made


@pytest.fixture
def docker(dockerd: Dockerd) -> Iterator[Dockerd]:
    """The engine, empty again after the test."""
    yield dockerd
    for container in dockerd.call("GET", "/containers/json?all=true"):
        dockerd.call("DELETE", f"/containers/{container['Id']}?force=true", ok=(204, 404, 409))
