"""The columns of a pushed stream: what passes from the decoders to the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedStream:
    """One stream of a push: equally long columns; `metadata` is None when no entry has any."""

    labels: str
    times: Sequence[int]
    lines: Sequence[bytes]
    metadata: Sequence[Metadata] | None = None

    def metadata_of(self, index: int) -> Metadata:
        return self.metadata[index] if self.metadata else ()
