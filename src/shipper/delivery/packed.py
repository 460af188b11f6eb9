"""Raw snappy blocks made piece by piece: entries are compressed where they are made, a push is put together of them.

A block is the length of its content as a varint, and then elements, each of which is some bytes or a copy of earlier
ones (format_description.txt of google/snappy). A copy reaches back within its own piece only, so the elements of two
pieces, one behind the other, are those of both contents in a row.

Rule 1: bytes in, bytes out; no I/O.
Rule 2: what is compressed counts by what it was: `len` and `bytes` of a `Packed` are those of its content.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cramjam import snappy

from shipper.delivery.wire import varint, varint_size

AT_ONCE: Final = 256 * 1024
"""Bytes compressed at once: what is compressed stays in the core's own cache, and the room for it is small."""
WORTH: Final = 16 * 1024
"""Bytes from which on a content is compressed alone: snappy looks back no further than 64 KiB anyway."""
_LITERAL: Final = 256
"""Bytes up to which a content goes into a block as it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """A content as snappy elements."""

    elements: tuple[bytes, ...]
    """One behind the other."""
    size: int
    """Bytes of the content."""

    def __len__(self) -> int:
        return self.size

    def __bytes__(self) -> bytes:
        return bytes(snappy.decompress_raw(b"".join((varint(self.size), *self.elements))))


Body = bytes | Packed
"""A content, compressed or not."""


def held(body: Body) -> int:
    """Bytes it takes in memory."""
    return sum(map(len, body.elements)) if isinstance(body, Packed) else len(body)


class Packer:
    """Compresses, in one thread at a time.

    The room it compresses into is kept, as large as it had to be: new memory for each push costs 300 page faults.
    """

    def __init__(self) -> None:
        self._room = bytearray()

    def __call__(self, content: bytes) -> Packed:
        """Compress a content."""
        view, elements = memoryview(content), []
        for at in range(0, len(content), AT_ONCE):
            piece = view[at : at + AT_ONCE]
            most = snappy.compress_raw_max_len(piece)
            if len(self._room) < most:
                self._room = bytearray(most)
            size = snappy.compress_raw_into(piece, self._room)
            elements.append(bytes(memoryview(self._room)[varint_size(len(piece)) : size]))
        return Packed(tuple(elements), len(content))

    def block(self, contents: Iterable[Body]) -> bytes:
        """One block of contents in a row; what is not compressed yet is, together with its neighbours."""
        elements: list[bytes] = []
        loose: list[bytes] = []
        size = 0
        for content in contents:
            size += len(content)
            if isinstance(content, Packed):
                elements += (*self._elements(b"".join(loose)), *content.elements)
                loose.clear()
            else:
                loose.append(content)
        return b"".join((varint(size), *elements, *self._elements(b"".join(loose))))

    def _elements(self, content: bytes) -> tuple[bytes, ...]:
        if len(content) > _LITERAL:
            return self(content).elements
        return (_literal(content),) if content else ()


def _literal(content: bytes) -> bytes:
    """Up to 256 bytes as they are: its tag has its length less one, or says that one more byte does."""
    length = len(content) - 1
    return (bytes((length << 2,)) if length < 60 else bytes((60 << 2, length))) + content
