"""The bytes of one file, as they are or decompressed, through a descriptor that keeps them alive.

Rule 1: opening never blocks and never follows a link: FIFOs, sockets, devices and directories are refused.
Rule 2: `read(offset, size)` gives the bytes there, fewer only where the content ends now.
Rule 3: an `OSError` leaves this module as it is; `trouble` names it.
"""

from __future__ import annotations

import errno
import os
import stat
import zlib
from collections.abc import Callable
from typing import Protocol

from shipper.errors import SourceError
from shipper.sources.file.siblings import COMPRESSED

MAGIC = b"\x1f\x8b\x08"
PIECE = 256 * 1024
HISTORY = 64 * 1024

FAILURES = {
    errno.EACCES: "file_unreadable",
    errno.EPERM: "file_unreadable",
    errno.EMFILE: "too_many_open_files",
    errno.ENFILE: "too_many_open_files",
    errno.ELOOP: "symlink_outside",
}
READ_FAILURES = ("file_unreadable", "too_many_open_files", "io_error", "gzip_broken", "symlink_outside")


def trouble(error: OSError) -> str:
    """The name of the failure that `error` is."""
    return FAILURES.get(error.errno or 0, "io_error")


class GzipBroken(SourceError):
    """A compressed content ends in damage; the bytes before it were given."""


class Content(Protocol):
    """What a generation is read from."""

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes at `offset`; fewer where the content ends."""
        ...

    def size(self) -> int:
        """Bytes there are now; of a compressed content, one more than is known as long as more may come."""
        ...

    def stat(self) -> os.stat_result:
        """What the file system says of the open file."""
        ...

    @property
    def closed(self) -> bool:
        """Whether the descriptor was given back."""
        ...

    def close(self) -> None:
        """Give the descriptor back."""
        ...


def open_content(path: str) -> Content:
    """Open the regular file at `path` (no link); magic bytes decide whether it is decompressed, the name until they are
    there: a compressor makes its file first and writes the head of it a moment later."""
    before = os.lstat(path)
    if not stat.S_ISREG(before.st_mode):
        raise OSError(errno.ELOOP if stat.S_ISLNK(before.st_mode) else errno.EINVAL, "not a regular file", path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        head = os.pread(descriptor, len(MAGIC), 0)
    except OSError:
        os.close(descriptor)
        raise
    compressed = head == MAGIC or (path.endswith(COMPRESSED) and MAGIC.startswith(head))
    return Gzip(descriptor) if compressed else Plain(descriptor)


class Plain:
    """A file as it is."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes at `offset`."""
        return os.pread(self._descriptor, size, offset) if size > 0 else b""

    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self._descriptor).st_size

    def stat(self) -> os.stat_result:
        """What the file system says of the open file."""
        return os.fstat(self._descriptor)

    @property
    def closed(self) -> bool:
        """Whether the descriptor was given back."""
        return self._descriptor < 0

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Gzip:
    """What a gzip file holds: decompressed onwards, from the beginning again when read further back."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ended_at = 0
        """The furthest place in the file known to be the end of a member (or of padding); 0: none is."""
        self._damage: int | None = None
        """Where the damage begins, in decompressed bytes."""
        self._known = 0
        self._rewind()

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` decompressed bytes at `offset`; raises `GzipBroken` where the damage begins."""
        if size <= 0:
            return b""
        if offset < self._base:
            self._rewind()
        while self._base + len(self._buffer) < offset + size and self._grow():
            excess = min(len(self._buffer) - HISTORY, offset - self._base)
            if excess > 0:
                del self._buffer[:excess]
                self._base += excess
        begin = offset - self._base
        data = bytes(self._buffer[begin : begin + size])
        if not data and self._damage is not None:
            raise GzipBroken("the compressed file is damaged")
        return data

    def size(self) -> int:
        """Decompressed bytes known, and one more as long as more may come."""
        ended = self._damage is not None or self._ended_at == self.stat().st_size
        return self._known if ended else self._known + 1

    @property
    def whole(self) -> bool:
        """Whether the compressed file ends where a member ends: nothing is being written to it."""
        while self._grow():
            excess = len(self._buffer) - HISTORY
            if excess > 0:
                del self._buffer[:excess]
                self._base += excess
        return 0 < self._ended_at == self._position and self._damage is None

    def stat(self) -> os.stat_result:
        """What the file system says of the compressed file."""
        return os.fstat(self._descriptor)

    @property
    def closed(self) -> bool:
        """Whether the descriptor was given back."""
        return self._descriptor < 0

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _rewind(self) -> None:
        self._position = 0
        self._base = 0
        self._buffer = bytearray()
        self._inflater = zlib.decompressobj(wbits=31)
        self._between = False

    def _grow(self) -> bool:
        """Decompress one more piece; False where there is nothing more now."""
        known = self._base + len(self._buffer)
        if known == self._damage:
            return False
        data = self._input()
        if self._between and not data.strip(b"\0"):
            self._ended_at = max(self._ended_at, self._position)  # zeros after a member are padding
            return bool(data)
        try:
            self._inflate(data)
        except zlib.error:
            self._damage = self._base + len(self._buffer)
        self._known = max(self._known, self._base + len(self._buffer))
        return bool(data) or self._base + len(self._buffer) > known

    def _input(self) -> bytes:
        """What the decompressor has left, of this member or for the next one; or more of the file."""
        data = self._inflater.unconsumed_tail
        if self._inflater.eof:
            data = self._inflater.unused_data
            self._inflater = zlib.decompressobj(wbits=31)
        if not data:
            data = os.pread(self._descriptor, PIECE, self._position)
            self._position += len(data)
        return data

    def _inflate(self, data: bytes) -> None:
        """Decompress into the buffer, at damage all bytes before it; raises zlib.error."""
        before = self._inflater.copy()
        try:
            self._buffer += self._inflater.decompress(data, PIECE)
        except zlib.error:
            for at in range(len(data)):
                self._buffer += before.decompress(data[at : at + 1])
            raise
        self._between = self._inflater.eof and not self._inflater.unused_data.strip(b"\0")
        if self._between:
            self._inflater = zlib.decompressobj(wbits=31)
            self._ended_at = max(self._ended_at, self._position)


def reader(content: Content) -> Callable[[int, int], bytes]:
    """`read` of a content whose damage counts as its end: for looking at it, not for reading it."""

    def read(offset: int, size: int) -> bytes:
        try:
            return content.read(offset, size)
        except GzipBroken:
            return b""

    return read
