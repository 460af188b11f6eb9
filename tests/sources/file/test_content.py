"""Reading files, plain and compressed; refusing what is no file."""

from __future__ import annotations

import gzip
import os
import random
import socket

import pytest

from shipper.sources.file.content import Gzip, GzipBroken, Plain, open_content

DATA = random.Random(1).randbytes(700_000).replace(b"\x00", b"\n")


def read_all(content, piece=100_000):
    data = b""
    while more := content.read(len(data), piece):
        data += more
    return data


def read_until_damage(content):
    at = 0
    try:
        while True:
            at += len(content.read(at, 50_000))
    except GzipBroken:
        return at


def test_a_plain_file_is_read_as_it_is(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(DATA)
    content = open_content(str(path))
    assert isinstance(content, Plain)
    assert (read_all(content), content.size(), content.read(5, 3)) == (DATA, len(DATA), DATA[5:8])
    content.close()
    assert content.closed


def test_magic_bytes_decide_and_members_are_read_on(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(gzip.compress(DATA[:300_000]) + gzip.compress(b"") + gzip.compress(DATA[300_000:]) + b"\0" * 512)
    content = open_content(str(path))
    assert isinstance(content, Gzip)
    assert content.whole
    assert (read_all(content), content.size()) == (DATA, len(DATA))
    assert content.read(10, 20) == DATA[10:30]
    content.close()


def test_a_compressed_file_that_is_still_written_gives_more_later(tmp_path):
    packed = gzip.compress(DATA)
    path = tmp_path / "a.gz"
    path.write_bytes(packed[:400_000])
    content = open_content(str(path))
    first = read_all(content)
    assert DATA.startswith(first)
    assert 0 < len(first) < len(DATA)
    assert not content.whole
    assert content.size() == len(first) + 1, "more may come"
    with path.open("ab") as file:
        file.write(packed[400_000:])
    assert first + content.read(len(first), len(DATA)) == DATA
    assert content.whole
    content.close()


def test_damage_is_named_after_the_bytes_before_it_were_given(tmp_path):
    packed = bytearray(gzip.compress(DATA, mtime=0))
    packed[350_000:350_100] = b"\xff" * 100
    path = tmp_path / "a.gz"
    path.write_bytes(packed)
    content = open_content(str(path))
    good = read_until_damage(content)
    assert good > 0
    with pytest.raises(GzipBroken):
        content.read(good, 50_000)
    assert not content.whole
    content.close()


def test_what_is_no_regular_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for name in ("fifo", "dir", "link", "socket"):
            with pytest.raises(OSError, match="not a regular file"):
                open_content(str(tmp_path / name))
