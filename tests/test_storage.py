"""Who holds a data_dir: asked without writing, and without being in anybody's way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shipper.errors import JournalLocked
from shipper.storage import Lock, holder


def test_nobody_holds_a_data_dir_that_is_not_there_and_none_is_made(tmp_path: Path) -> None:
    assert holder(tmp_path / "data") == ""
    assert list(tmp_path.iterdir()) == []


def test_the_process_that_holds_it_is_named_until_it_lets_go(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    lock.acquire()
    assert holder(tmp_path) == str(os.getpid())
    assert holder(tmp_path) == str(os.getpid())
    lock.release()
    assert holder(tmp_path) == ""


def test_asking_keeps_nobody_from_taking_it(tmp_path: Path) -> None:
    first, second = Lock(tmp_path), Lock(tmp_path)
    first.acquire()
    first.release()
    assert holder(tmp_path) == ""
    second.acquire()
    with pytest.raises(JournalLocked):
        first.acquire()
    second.release()
