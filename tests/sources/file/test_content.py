"""Reading files, plain and compressed; refusing what is no file."""

from __future__ import annotations

import contextlib
import gzip
import os
import random
import socket
import zlib
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.sources.file.content import MAGIC, PIECE, Gzip, GzipBroken, Plain, open_content

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


@pytest.mark.parametrize("there", range(len(MAGIC)))
def test_the_name_decides_until_the_magic_bytes_are_there(tmp_path, there):
    packed, path = gzip.compress(DATA), tmp_path / "a.gz"
    path.write_bytes(packed[:there])
    content = open_content(str(path))
    assert (isinstance(content, Gzip), content.whole, content.read(0, 10)) == (True, False, b"")
    path.write_bytes(packed)
    assert (read_all(content), content.whole) == (DATA, True)
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


def test_all_bytes_before_the_damage_are_given(tmp_path):
    packed = bytearray(gzip.compress(DATA, mtime=0, compresslevel=1))
    packed[-30_000:] = b"\xff" * 30_000
    (tmp_path / "a.gz").write_bytes(packed)
    content = open_content(str(tmp_path / "a.gz"))
    sound, end = plain_twin(packed)
    assert end == "broken"
    assert read_until_damage(content) == len(sound)
    assert content.read(0, len(sound)) == sound
    content.close()


def test_zeros_within_a_member_are_damage(tmp_path):
    packed = gzip.compress(DATA)
    (tmp_path / "a.gz").write_bytes(packed[:PIECE] + b"\0" * (len(packed) - PIECE))
    content = open_content(str(tmp_path / "a.gz"))
    assert 0 < read_until_damage(content) < len(DATA)
    content.close()


def test_padding_may_be_longer_than_what_is_read_at_once(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(DATA) + b"\0" * 2 * PIECE)
    content = open_content(str(tmp_path / "a.gz"))
    assert content.whole
    assert (content.size(), read_all(content)) == (len(DATA), DATA)
    content.close()


def plain_twin(packed):
    """What a gzip file holds, by the simplest means; and how it ends: "whole", "open" (more may come) or "broken"."""
    data, rest = bytearray(), packed
    while rest.strip(b"\0"):
        inflater = zlib.decompressobj(wbits=31)
        for at in range(len(rest)):
            try:
                data += inflater.decompress(rest[at : at + 1])
            except zlib.error:
                return data, "broken"
            if inflater.eof:
                break
        if not inflater.eof:
            return data, "open"
        rest = rest[at + 1 :]
    return data, "whole"


SIZES = st.lists(st.integers(20, 500), min_size=1, max_size=4)
MEMBERS = st.lists(st.binary(max_size=80) | st.sampled_from([b"line\n" * 50, b"a" * 5000]), min_size=1, max_size=3)
DAMAGE = st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), max_size=2)


@given(MEMBERS, DAMAGE, st.integers(0, 400), st.sampled_from([0, 1, 40]), st.sampled_from([7, 64, PIECE]), SIZES)
def test_for_every_gzip_content_and_every_damage_the_bytes_before_it_are_read(
    tmp_path_factory, members, damage, missing, padding, piece, sizes
):
    packed = bytearray(b"".join(gzip.compress(member, mtime=0) for member in members))
    for at, noise in damage:
        packed[4 + at : 4 + at + len(noise)] = noise
    packed = bytes(packed[: max(4, len(packed) - missing // 2 if missing % 2 else len(packed))]) + b"\0" * padding
    path = tmp_path_factory.mktemp("gzip") / "a.gz"
    path.write_bytes(packed)
    sound, end = plain_twin(packed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shipper.sources.file.content.PIECE", piece)
        patch.setattr("shipper.sources.file.content.HISTORY", 16)
        content = open_content(str(path))
        read, broken, size = b"", False, cycle(sizes)
        with contextlib.suppress(GzipBroken):
            broken = True
            while more := content.read(len(read), next(size)):
                read += more
            broken = False
        assert (read, broken, content.whole) == (sound, end == "broken", end == "whole")
        assert content.size() == len(sound) + (end == "open")
        if sound:
            at = sizes[0] % len(sound)
            assert content.read(at, 50) == sound[at : at + 50]
        assert content.size() == len(sound) + (end == "open")
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
