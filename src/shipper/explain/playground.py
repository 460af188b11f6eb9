"""`POST /api/v1/playground`: what the agent would make of pasted lines.

    {"source", "path", "records": […as in document.py…], "notes"}

Rule 1: the answer is bounded: at most MOST_TEXT bytes are looked at, and about MOST_SHOWN characters are shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from shipper.clock import Clock
from shipper.config.model import Limit, ResolvedSource, Sample
from shipper.explain.document import Documents
from shipper.explain.trace import Record, excerpt, trace
from shipper.pipeline.containers import Facts, facts_of
from shipper.sources.file.paths import label

MOST_TEXT: Final = 64 * 1024
"""Bytes of text looked at."""
MOST_LINES: Final = 500
"""Lines looked at."""
MOST_SHOWN: Final = 1024 * 1024
"""Characters of lines, counted once for each stage, behind which no record is shown."""

NO_FACTS: Final = "the container's own labels (Compose's, label_map) and Docker's time of each line are not known here"


def playground(
    resolved: ResolvedSource,
    text: str | bytes,
    path: str = "",
    *,
    clock: Clock,
    metadata: bool = True,
    facts: Facts = (),
) -> dict[str, Any]:
    """What the agent would make of `text`, one or more lines, in this source.

    `path`: the file it would stand in, or the container, `NAME` or `NAME/stderr`: labels come from it. `metadata`:
    whether Loki takes structured metadata. `facts`: what is known of the container, if more is than its name.
    """
    whole = text.encode(resolved.encoding, "replace") if isinstance(text, str) else text
    data = first_lines(whole)
    path, named = _place(resolved, path)
    facts = facts or named
    seen = excerpt(resolved, data, path=path, clock=clock, facts=facts, file_changed=clock.now())
    records = trace(resolved, seen, metadata=metadata)
    shown = within(records)
    documents = Documents.of(resolved, seen, metadata=metadata)
    return {
        "source": resolved.name,
        "path": path,
        "records": [documents.document(record) for record in shown],
        "notes": [*_cuts(whole, data, records, shown), *notes(resolved, path, known=facts is not named)],
    }


def _place(resolved: ResolvedSource, path: str) -> tuple[str, Facts]:
    """The path as the agent knows it, and what is known of the container."""
    if not path:
        return "", ()
    if resolved.type == "file":
        return label(str(Path(path).absolute())), ()
    name, _, stream = path.partition("/")
    stream = stream or "stdout"
    return f"{name}/{stream}", facts_of("", name, stream, {}, ())


def first_lines(data: bytes) -> bytes:
    """The first lines, as many as are looked at."""
    data = data[:MOST_TEXT]
    lines = data.split(b"\n", MOST_LINES)
    return data if len(lines) <= MOST_LINES else data[: len(data) - len(lines[-1])]


def within(records: Sequence[Record]) -> Sequence[Record]:
    """The first records, as many as are shown; at least one."""
    size = 0
    for count, record in enumerate(records):
        size += sum(len(step.after.text) + 500 for step in record.steps) + 1000
        if size > MOST_SHOWN:
            return records[: max(1, count)]
    return records


def _cuts(whole: bytes, data: bytes, records: Sequence[Record], shown: Sequence[Record]) -> Iterator[str]:
    if len(data) < len(whole):
        yield f"only the first {len(data)} of {len(whole)} bytes were looked at"
    if len(shown) < len(records):
        yield f"only the first {len(shown)} of {len(records)} records are shown"


def notes(resolved: ResolvedSource, path: str, *, known: bool) -> Iterator[str]:
    """What is not to be seen in any one record; `known`: the container itself, or the generation of the file."""
    if resolved.type == "docker" and not known:
        yield NO_FACTS if path else "no container is named: the labels container and stream are missing"
    elif resolved.type == "file" and not path and (resolved.filename_label or resolved.path_labels):
        yield "no path is given: labels that come from it are missing"
    for stage in resolved.stages:
        if isinstance(stage, Sample) and not known:
            yield "stage sample chooses by the file's number in the journal and the place in it; here it is a guess"
        if isinstance(stage, Limit):
            yield f"stage limit slows the source down to {stage.rate:g} lines a second; it drops none"
