"""The machine that is set up wrongly, and a Loki for those whose mistake is elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.doctor.machine import Machine

from shipper.devloki.server import serve
from shipper.doctor import reach


@pytest.fixture(scope="module")
def loki() -> Iterator[str]:
    """A stand-in for those whose mistake is elsewhere."""
    with serve() as receiver:
        yield receiver.url


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """One whose set-up is right, but that no Loki is there yet and no agent runs."""
    monkeypatch.setattr(reach, "LOKI_PORT", 1)  # on the usual one something may listen here
    with contextlib.ExitStack() as stack:
        made = Machine(root=tmp_path, patch=monkeypatch, stack=stack, data_dir=tmp_path / "data")
        made.write(*(made.line(30 - number) for number in range(30)))
        yield made
