"""`shipper.toml` to a `Config`: read, interpolate, check, and report every mistake at once.

Rule 1: for every text the result is a Config or a ConfigError, never another exception.
Rule 2: mistakes come in the order of the file, each with file, line and key; no secret is in one.
Rule 3: relative paths mean the directory the agent is started in; nothing but secret files is looked at here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Final

from shipper.config.changes import note_fixed
from shipper.config.crosschecks import check_whole
from shipper.config.interpolation import Interpolation
from shipper.config.kinds import Place, read
from shipper.config.masking import Masker, secrets_of
from shipper.config.mistakes import BROKEN, Mistakes, Problem, Wrong, key_text, nearest, printable, type_of
from shipper.config.model import Agent, Config, FileSource, Loki
from shipper.config.positions import line_of, lines_of
from shipper.config.schema import keys_of
from shipper.config.tables import note_unknown, read_pipelines, read_source, read_table
from shipper.errors import ConfigError

SECTIONS: Final = ("loki", "agent", "labels", "source", "pipeline")
_TOML_PLACE = re.compile(r" \(at line ([0-9]+), column ([0-9]+)\)$| \(at end of document\)$")
_DEEPEST: Final = 50
"""Real files nest four deep; this keeps every later pass within Python's recursion limit."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What became of a file: a configuration, or the problems in it."""

    config: Config | None
    problems: tuple[Problem, ...]


def load(path: FilePath, environ: Mapping[str, str]) -> Config:
    """The configuration in a file; ConfigError with all its mistakes if it has any."""
    examined = examine(path, environ)
    if examined.config is not None:
        return examined.config
    raise error_of(path, examined.problems)


def load_beside(running: Config, path: FilePath, environ: Mapping[str, str]) -> Config:
    """The configuration that an agent which runs under another one may change to; ConfigError, also for what it cannot
    change while it runs."""
    examined = examine(path, environ, running)
    if examined.config is not None:
        return examined.config
    raise error_of(path, examined.problems, hint="Nothing was changed; the agent runs on as before")


def error_of(
    path: FilePath,
    problems: tuple[Problem, ...],
    hint: str = "Nothing was started; docs/configuration.md lists every key",
) -> ConfigError:
    """The error that tells all problems of a file."""
    count = len(problems)
    if count == 1 and not (problems[0].line or problems[0].key):  # the file as a whole
        message, _, cure = str(problems[0]).partition("; ")
        return ConfigError(message, hint=cure)
    return ConfigError(
        f"{path} has {count} mistake{'s' if count > 1 else ''}",
        problems=tuple(str(problem) for problem in problems),
        hint=hint,
    )


def examine(path: FilePath, environ: Mapping[str, str], running: Config | None = None) -> Examination:
    """`load` without raising: the problems as data; `running`: what must fit what an agent runs under."""
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else "its name is not valid"
        message = f"cannot be read: {words}; {_cure(error)}"
        return Examination(None, (Problem(str(path), 0, "", message),))
    return examine_text(data, str(path), environ, running)


def _cure(error: OSError | ValueError) -> str:
    if isinstance(error, PermissionError):
        return "let this user read it, or run this as a user who may"
    if isinstance(error, FileNotFoundError):
        return "create it, or name another one with --config"
    return "name another one with --config"


def examine_text(data: bytes, file: str, environ: Mapping[str, str], running: Config | None = None) -> Examination:
    """The same for the bytes of a file; `file` is its name in messages."""
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"expected UTF-8, got the byte 0x{data[error.start]:02X}; save the file as UTF-8"
        return Examination(None, (Problem(file, line, "", message),))
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return Examination(None, (_syntax_problem(error, text, file),))
    if _deeper_than(document, _DEEPEST):
        return Examination(None, (Problem(file, 1, "", f"expected at most {_DEEPEST} tables or lists in one another"),))
    return _examine_document(document, text, file, environ, running)


def _examine_document(
    document: dict[str, Any], text: str, file: str, environ: Mapping[str, str], running: Config | None
) -> Examination:
    mistakes = Mistakes()
    interpolation = Interpolation(environ, mistakes)
    tree: Any = interpolation.tree(document)
    config = _config(tree, tuple(interpolation.secrets), mistakes)
    check_whole(config, mistakes)
    if running is not None and not mistakes:
        note_fixed(running, config, mistakes)
    if not mistakes:
        return Examination(config, ())
    masker = Masker((*config.secrets, *secrets_of(config.loki)))
    return Examination(None, _problems(mistakes, text, file, masker))


def _config(tree: dict[str, Any], secrets: tuple[str, ...], mistakes: Mistakes) -> Config:
    """The model of a document; only without mistakes is it whole."""
    note_unknown(tree, SECTIONS, (), mistakes)
    loki = tree.get("loki", {})
    return Config(
        loki=read_table(Loki, loki, ("loki",), mistakes, ignore=_note_destinations(loki, mistakes)),
        agent=read_table(Agent, tree.get("agent", {}), ("agent",), mistakes),
        labels=_labels(tree.get("labels", {}), mistakes),
        sources=_sources(tree, mistakes),
        pipelines=read_pipelines(tree.get("pipeline", {}), ("pipeline",), mistakes),
        secrets=secrets,
    )


def _note_destinations(loki: Any, mistakes: Mistakes) -> list[str]:
    """Notes each `[loki.NAME]` that is no misspelt key: reserved for several destinations."""
    keys = keys_of(Loki)
    tables = [name for name, value in loki.items() if isinstance(value, dict)] if isinstance(loki, dict) else []
    reserved = [name for name in tables if name not in keys and not nearest(name, keys)]
    for name in reserved:
        message = f"expected no table [loki.{name}]: several destinations are not yet supported; use [loki] alone"
        mistakes.note(("loki", name), message)
    return reserved


def _labels(value: Any, mistakes: Mistakes) -> dict[str, str]:
    place = Place(key=keys_of(FileSource)["labels"], path=("labels",), mistakes=mistakes)
    if value is BROKEN:
        return {}
    try:
        labels: dict[str, str] = read(value, place)
    except Wrong as wrong:
        mistakes.note(place.path, str(wrong))
        return {}
    return labels


def _sources(tree: dict[str, Any], mistakes: Mistakes) -> tuple[Any, ...]:
    value = tree.get("source", [])
    if not isinstance(value, list):
        cure = "write [[source]] with two brackets" if isinstance(value, dict) else "write [[source]]"
        mistakes.note(("source",), f"expected a list of sources, got {type_of(value)}; {cure}")
        return ()
    if not value:
        mistakes.note((), "expected at least one [[source]], got none; without one there is nothing to ship")
    return tuple(read_source(source, ("source", index), mistakes) for index, source in enumerate(value))


def _problems(mistakes: Mistakes, text: str, file: str, masker: Masker) -> tuple[Problem, ...]:
    lines = lines_of(text)
    found = [
        Problem(file, line_of(lines, path), *(printable(masker.mask(part)) for part in (key_text(path), message)))
        for path, message in mistakes
    ]
    return tuple(sorted(found, key=lambda problem: problem.line))


def _syntax_problem(error: Exception, text: str, file: str) -> Problem:
    if isinstance(error, RecursionError):
        return Problem(file, 1, "", f"expected at most {_DEEPEST} tables or lists in one another")
    words = str(error)
    place = _TOML_PLACE.search(words)
    line = int(place[1]) if place and place[1] else text.count("\n") + 1 if place else 1
    column = f" at column {place[2]}" if place and place[2] else ""
    cure = "; write patterns in single quotes, where a backslash is itself" if "\\" in words else ""
    return Problem(
        file, line, "", f"expected valid TOML, got something else{column}: {_TOML_PLACE.sub('', words)}{cure}"
    )


def _deeper_than(value: Any, limit: int) -> bool:
    """Whether a tree has more than `limit` levels; found without recursion."""
    level = [value]
    for _ in range(limit):
        inner = (part.values() if isinstance(part, dict) else part for part in level)
        level = [part for parts in inner for part in parts if isinstance(part, dict | list)]
    return bool(level)
