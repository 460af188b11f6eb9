"""Paths as text: inside, names that are not UTF-8 carry surrogates; outside, they are text that can be encoded."""

from __future__ import annotations

from collections.abc import Callable

import re2

from shipper.config.model import ResolvedSource


def label(path: str) -> str:
    """A path as it is shown and sent: bytes of it that are not UTF-8 become U+FFFD."""
    return path if path.isascii() else path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def group_by_path(resolved: ResolvedSource) -> Callable[[str], tuple[str, ...] | None]:
    """What tells the streams of a source apart by path; None: each path is a stream of its own."""
    pattern = re2.compile(resolved.path_labels) if resolved.path_labels else None

    def group_of(path: str) -> tuple[str, ...] | None:
        if resolved.filename_label:
            return None
        match = pattern.search(label(path)) if pattern is not None else None
        return tuple(value or "" for value in match.groups()) if match else ()

    return group_of
