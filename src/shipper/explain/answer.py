"""`shipper explain`: which sources ship a file or a container and why, and what each makes of a line of it.

    {"what", "kind": "file" | "container", "size", "changed", "nearest", "shipped", "add",
     "sources": [{"source", "shipped", "why", "cure", "notes", "journal": {"positions", "trouble"},
      "lines": {"offset", "records"} | null}]}

Rule 1: every source that ships it is told; where none does, the nearest ones; where none is near, `add` is what to
        write.
Rule 2: nothing is sent, nothing is written, no position moves.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final

from shipper.clock import Clock
from shipper.config.model import Config, DockerSource, FileSource, ResolvedSource
from shipper.config.resolve import resolve
from shipper.errors import UsageError
from shipper.explain.document import Documents
from shipper.explain.files import judge
from shipper.explain.known import Known, known_of
from shipper.explain.lines import find_line
from shipper.explain.nearby import glob_for
from shipper.explain.playground import notes, playground
from shipper.explain.trace import Excerpt, trace
from shipper.explain.verdict import Verdict
from shipper.pipeline.containers import ID
from shipper.pipeline.window import written
from shipper.preview.nearest import nearest_names
from shipper.sources.file.content import open_content
from shipper.sources.file.paths import label

NEAREST: Final = 3
"""Sources told of that are near to shipping it, where none does."""

NO_LINE: Final = "no line in it is complete and not blank yet; a line is shipped once it has an end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked."""

    what: str
    """A path, or the name of a container."""
    line: int | None = None
    """Of the file, from 1; None: its last one."""
    text: str | None = None
    """Instead of a line of the file or container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What one source says."""

    verdict: Verdict
    known: Known
    lines: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        return {
            "source": self.verdict.source,
            "shipped": self.verdict.shipped,
            "why": self.verdict.why,
            "cure": self.verdict.cure,
            "journal": {"positions": self.known.documents(), "trouble": self.known.trouble},
            "lines": self.lines,
            "notes": list(self.notes),
        }


def answer(config: Config, sources: Sequence[FileSource | DockerSource], question: Question) -> dict[str, Any]:
    """The document; `sources`: those that are asked."""
    clock = Clock()
    dockers = [source for source in sources if isinstance(source, DockerSource)]
    if dockers and is_container(question.what):
        told = [_of_container(config, source, question, clock) for source in dockers]
        return _document(question.what, "container", told, "")
    path = os.path.normpath(Path(question.what).absolute())
    if Path(path).is_dir():
        raise UsageError(f"{label(path)} is a directory, and sources read files", hint="name a file in it")
    told = [_of_file(config, source, path, question, clock) for source in sources if isinstance(source, FileSource)]
    looks = _looks(path)
    add = _table(path) if os.path.lexists(path) else ""
    if is_container(question.what) and not looks.get("nearest") and not _reads_containers(config):
        add = _containers(question.what)
    return _document(label(path), "file", told, add) | looks


def is_container(what: str) -> bool:
    """Whether a word names a container rather than a file: it is no path, and no file of that name is here."""
    return "/" not in what and not os.path.lexists(what)


def _document(what: str, kind: str, told: Sequence[_Told], add: str) -> dict[str, Any]:
    shipping = [one for one in told if one.verdict.shipped]
    near = sorted((one for one in told if one.verdict.near), key=lambda one: -one.verdict.near)[:NEAREST]
    return {
        "what": what,
        "kind": kind,
        "size": None,
        "changed": None,
        "nearest": [],
        "shipped": bool(shipping),
        "sources": [one.document() for one in shipping or near],
        "add": "" if shipping or near else add,
    }


def _looks(path: str) -> dict[str, Any]:
    """Size in bytes and time of the last change, or for a file that is not there the names most like its own."""
    try:
        info = Path(path).stat()
    except OSError:
        return {"nearest": nearest_names(path)}
    return {"size": info.st_size, "changed": written(info.st_mtime_ns)}


def _of_file(config: Config, source: FileSource, path: str, question: Question, clock: Clock) -> _Told:
    verdict, resolved = judge(source, path), resolve(config, source)
    names = {path, verdict.path}
    known = known_of(config.agent.data_dir, source.name, lambda one: one.path in names or one.seen_at in names)
    if not verdict.shipped:
        verdict = _as_rotated(verdict, known, path)
    name = label(verdict.path or path)
    lines = None
    if question.text is not None:
        lines = _of_text(playground(resolved, question.text, name, clock=clock))
    elif verdict.shipped:
        lines = _of_line(resolved, path, name, question.line, known, clock)
    told = list(notes(resolved, name, known=bool(known.generations))) if lines else []
    if verdict.shipped and lines is None:
        told = [NO_LINE]
    return _Told(verdict=verdict, known=known, lines=lines, notes=tuple(told))


def _as_rotated(verdict: Verdict, known: Known, path: str) -> Verdict:
    """A file that no glob means is shipped all the same if it is a rotated generation that is being read."""
    for generation in known.generations:
        if generation.seen_at == path != generation.path:
            why = f"it is known as a rotated generation of {label(generation.path)}, whose rest is shipped from here"
            return Verdict(source=verdict.source, shipped=True, why=why, path=generation.path)
    return verdict


def _of_line(
    resolved: ResolvedSource, path: str, name: str, number: int | None, known: Known, clock: Clock
) -> dict[str, Any] | None:
    content = open_content(os.path.realpath(path))
    try:
        found = find_line(resolved, content, name, number, clock, generation=known.newest, demoted=known.demoted)
    finally:
        content.close()
    return None if found is None else {"offset": found.offset, "records": _traced(resolved, found.excerpt, found.index)}


def _of_text(played: dict[str, Any]) -> dict[str, Any]:
    return {"offset": None, "records": played["records"]}


def _traced(resolved: ResolvedSource, excerpt: Excerpt, index: int) -> list[dict[str, Any]]:
    """The record that a line of an excerpt is in; its neighbours decide about level and joining."""
    documents = Documents.of(resolved, excerpt)
    meant = [record for record in trace(resolved, excerpt) if record.index <= index < record.index + record.lines]
    return [documents.document(record) for record in meant]


def _of_container(config: Config, source: DockerSource, question: Question, clock: Clock) -> _Told:
    from shipper.explain.containers import inspect  # it brings in an HTTP client

    resolved = resolve(config, source)
    seen = inspect(source, resolved, question.what, clock)
    identity = dict(seen.facts).get(ID)
    known = known_of(
        config.agent.data_dir,
        source.name,
        lambda one: dict(one.facts).get(ID) == identity if identity else one.path.partition("/")[0] == question.what,
    )
    records: list[dict[str, Any]] = []
    if question.text is not None:
        records = playground(resolved, question.text, question.what, clock=clock, facts=seen.facts)["records"]
    for excerpt in () if question.text is not None else seen.excerpts:
        last = max((index for index, line in enumerate(excerpt.chunk.lines) if line.strip()), default=0)
        records += _traced(resolved, excerpt, last)
    return _Told(
        verdict=seen.verdict,
        known=known,
        lines={"offset": None, "records": records} if records else None,
        notes=tuple(notes(resolved, question.what, known=bool(seen.facts))),
    )


def _reads_containers(config: Config) -> bool:
    return any(isinstance(source, DockerSource) for source in config.sources)


def _containers(name: str) -> str:
    """A source for a container, where none reads containers."""
    include = f"include = {{ names = [{json.dumps(name, ensure_ascii=False)}] }}"
    return "\n".join(("[[source]]", 'name = "containers"', 'type = "docker"', include))


def _table(path: str) -> str:
    """A source for a file that none is near to."""
    stem = PurePath(path).parent.name or "logs"
    name = json.dumps(label(stem), ensure_ascii=False)
    return "\n".join(
        (
            "[[source]]",
            f"name = {name}",
            'type = "file"',
            f"paths = [{json.dumps(glob_for(path), ensure_ascii=False)}]",
            f"labels = {{ job = {name} }}",
        )
    )
