"""Paths as text: inside, names that are not UTF-8 carry surrogates; outside, they are text that can be encoded."""

from __future__ import annotations


def label(path: str) -> str:
    """A path as it is shown and sent: bytes of it that are not UTF-8 become U+FFFD."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
