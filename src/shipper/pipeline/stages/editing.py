"""Stages that change the text: `replace`, `decolorize`, `truncate`.

Rule 1: the text stays valid UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import re2

from shipper.config.model import Decolorize, Replace, Truncate
from shipper.pipeline.entry import Entry, Work
from shipper.pipeline.patterns import Pattern
from shipper.pipeline.stages.extraction import text_to_search
from shipper.pipeline.texts import cut, without_colours

_REFERENCE: Final = re.compile(r"\\(?:([0-9])|g<(\w+)>|(\\))")


class ReplaceMatches:
    """The stage `replace`."""

    name = "replace"

    def __init__(self, stage: Replace) -> None:
        self._pattern: Any = re2.compile(stage.pattern.encode())
        self._searched = Pattern(stage.pattern)
        self._template = template_of(stage.with_)
        self._field = stage.from_

    def sift(self, entries: Sequence[Entry], work: Work) -> Sequence[Entry]:
        """Only those that may match have to be looked at."""
        if self._field is not None:
            return entries
        return [entries[index] for index in self._searched.among([entry.text for entry in entries])]

    def __call__(self, entry: Entry, work: Work) -> str:
        text = text_to_search(entry, self._field)
        if text is None:
            return ""
        changed = self._replaced(text)
        if changed is text:
            return ""
        if self._field is None:
            entry.text = changed
        else:
            entry.add({self._field: changed.decode("utf-8", "replace")})
        return ""

    def _replaced(self, text: bytes) -> bytes:
        """The text with every match replaced; `text` itself if there is none.

        An empty match between the bytes of one character is none: RE2 counts bytes.
        """
        pieces: list[bytes] = []
        end = 0
        for match in self._pattern.finditer(text):
            start, stop = match.span()
            if start == stop and start < len(text) and text[start] & 0xC0 == 0x80:
                continue
            pieces += (text[end:start], self._expanded(match))
            end = stop
        return b"".join((*pieces, text[end:])) if pieces else text

    def _expanded(self, match: Any) -> bytes:
        return b"".join(part if isinstance(part, bytes) else match.group(part[0]) or b"" for part in self._template)


def template_of(text: str) -> tuple[bytes | tuple[int | bytes], ...]:
    r"""The pieces of a replacement: bytes as they are, and groups (`\1`, `\g<name>`, `\0`: the whole match)."""
    parts: list[bytes | tuple[int | bytes]] = []
    end = 0
    for match in _REFERENCE.finditer(text):
        parts.append(text[end : match.start()].encode())
        end = match.end()
        number, name, backslash = match.groups()
        if backslash:
            parts.append(b"\\")
        elif number is not None:
            parts.append((int(number),))
        else:
            parts.append((int(name) if name.isdecimal() else name.encode(),))
    return (*parts, text[end:].encode())


class RemoveColours:
    """The stage `decolorize`."""

    name = "decolorize"

    def __init__(self, stage: Decolorize) -> None:
        pass

    def __call__(self, entry: Entry, work: Work) -> str:
        entry.text = without_colours(entry.text)
        return ""


class CutText:
    """The stage `truncate`."""

    name = "truncate"

    def __init__(self, stage: Truncate) -> None:
        self._limit = stage.bytes

    def __call__(self, entry: Entry, work: Work) -> str:
        if len(entry.text) > self._limit:
            entry.text = cut(entry.text, self._limit)
            work.count("truncated")
        return ""
