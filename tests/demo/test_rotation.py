"""How the demonstration's files rotate."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipper.demo.rotation import BACKUPS, LogFile, Style


def _contents(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(directory.iterdir())}


@pytest.mark.parametrize("style", list(Style))
def test_each_style_keeps_every_byte_written_and_the_order_of_backups(tmp_path: Path, style: Style) -> None:
    log = LogFile(tmp_path / "app.log", style)
    for number in range(3):
        log.write(f"{number}\n".encode())
        log.rotate()
        log.reopen()
    log.write(b"3\n")
    log.close()
    assert _contents(tmp_path) == {"app.log": "3\n", "app.log.1": "2\n", "app.log.2": "1\n", "app.log.3": "0\n"}


def test_a_late_writer_goes_on_in_the_renamed_file_until_it_is_told(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "app.log", Style.LATE_RENAME)
    log.write(b"early\n")
    log.rotate()
    log.write(b"late\n")
    assert _contents(tmp_path) == {"app.log.1": "early\nlate\n"}
    log.reopen()
    log.write(b"new\n")
    log.close()
    assert _contents(tmp_path) == {"app.log": "new\n", "app.log.1": "early\nlate\n"}


def test_copytruncate_keeps_the_inode_and_a_rename_does_not(tmp_path: Path) -> None:
    inodes = {}
    for style in (Style.COPY_TRUNCATE, Style.RENAME):
        path = tmp_path / style.name / "app.log"
        log = LogFile(path, style)
        log.write(b"x\n")
        before = path.stat().st_ino
        log.rotate()
        inodes[style] = path.stat().st_ino == before
        log.close()
    assert inodes == {Style.COPY_TRUNCATE: True, Style.RENAME: False}


def test_only_so_many_backups_are_kept(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "app.log", Style.RENAME)
    for _ in range(BACKUPS + 2):
        log.rotate()
    log.close()
    assert len(list(tmp_path.iterdir())) == BACKUPS + 1
    assert log.rotations == BACKUPS + 2
