"""Identity of a content up to an offset.

Rule 1: two contents that agree in their first and in their last KiB before the offset count as the same content.
Rule 2: an empty fingerprint (offset 0) says nothing, and agrees with everything.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from shipper.chunk import Fingerprint, Mark

WINDOW = 1024
DIGEST_SIZE = 16


def digest(data: bytes) -> bytes:
    """The digest kept of a window."""
    return blake2b(data, digest_size=DIGEST_SIZE).digest()


def fingerprint(head: bytes, tail: bytes) -> Fingerprint:
    """Of a content that begins with `head` and whose last bytes before the offset are `tail`, up to 1 KiB each."""
    return Fingerprint(
        head_length=len(head),
        head=digest(head) if head else b"",
        tail_length=len(tail),
        tail=digest(tail) if tail else b"",
    )


def of_file(mark: Mark) -> Fingerprint:
    """A mark that a file source has made."""
    assert isinstance(mark, Fingerprint)
    return mark


def take(read: Callable[[int, int], bytes], end: int) -> Fingerprint:
    """Of what `read(offset, size)` gives, up to `end`."""
    return fingerprint(read(0, min(WINDOW, end)), read(max(0, end - WINDOW), min(WINDOW, end)))


def agrees(known: Fingerprint, read: Callable[[int, int], bytes], end: int) -> bool:
    """Whether the content that `read(offset, size)` gives is the known one up to `end`."""
    head = read(0, known.head_length)
    if len(head) != known.head_length or (head and digest(head) != known.head):
        return False
    tail = read(end - known.tail_length, known.tail_length)
    return len(tail) == known.tail_length and (not tail or digest(tail) == known.tail)
