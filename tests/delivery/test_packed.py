"""The snappy blocks that pushes are put together of, read back by another implementation's reader."""

from __future__ import annotations

import random

import pytest
import snappy
from hypothesis import given
from hypothesis import strategies as st

from shipper.delivery.packed import AT_ONCE, Body, Packer

TEXTS = st.binary(max_size=40) | st.builds(bytes.__mul__, st.binary(min_size=1, max_size=9), st.integers(0, 9000))


@given(st.lists(st.tuples(TEXTS, st.booleans()), max_size=8))
def test_for_every_contents_the_block_holds_them_in_a_row_compressed_before_or_not(
    contents: list[tuple[bytes, bool]],
) -> None:
    packer = Packer()
    bodies: list[Body] = [packer(content) if packed else content for content, packed in contents]
    assert snappy.decompress(packer.block(bodies)) == b"".join(content for content, _ in contents)


@given(TEXTS)
def test_for_every_content_its_length_and_its_bytes_stay_what_they_were(content: bytes) -> None:
    packed = Packer()(content)
    assert (len(packed), bytes(packed)) == (len(content), content)


@pytest.mark.parametrize("size", [0, 1, 59, 60, 61, 255, 256, 257, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE + 7])
@pytest.mark.parametrize("packed", [True, False])
def test_contents_of_every_size_survive_though_they_cannot_be_compressed(size: int, packed: bool) -> None:
    content, packer = random.Random(size).randbytes(size), Packer()
    body = packer(content) if packed else content
    assert snappy.decompress(packer.block([body, b"x", body])) == content + b"x" + content


def test_small_contents_are_compressed_together() -> None:
    line = b"the same words in each of a hundred small contents "
    assert len(Packer().block([line] * 100)) < 10 * len(line)
