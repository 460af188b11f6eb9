"""What is legal in a configuration and still likely to disappoint: warnings, never errors.

Rule 1: each says what will happen and what to do.
Rule 2: this looks at the file system (do globs match, can the data_dir be written) but changes nothing.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from shipper.config.crosschecks import constant_labels
from shipper.config.label_names import MOST_LABELS
from shipper.config.model import Auto, Config, DockerSource, FileSource, Labels, Loki, Tls
from shipper.config.patterns import groups_of
from shipper.config.resolve import stages_of, static_labels
from shipper.config.urls import user_info

UNBOUNDED: Final = frozenset(
    {"address", "client_ip", "correlation_id", "duration_ms", "email", "event", "id", "ip", "job_id", "message"}
    | {"message_id", "path", "pid", "port", "query", "remote_addr", "request_id", "run_id", "session_id", "span_id"}
    | {"time", "timestamp", "trace_id", "transaction_id", "uri", "url", "user_id", "username", "uuid"}
)
"""Names whose values grow with the traffic: as labels they make a stream for each value."""

_BRACES = re.compile(r"\{([^{}]*)\}")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Smell(msgspec.Struct, frozen=True):
    """A warning: the key it is about, and what will happen."""

    key: str
    message: str


def smells(config: Config) -> tuple[Smell, ...]:
    """Every warning, in the order of the configuration."""
    return (*_of_loki(config.loki), *_of_agent(config), *_of_sources(config), *_of_pipelines(config))


def matches(pattern: str) -> bool:
    """Whether a glob of `paths` (with `**` and braces) matches anything now."""
    found = (glob.iglob(plain, recursive=True) for plain in without_braces(pattern))  # noqa: PTH207 (may be absolute)
    return any(any(paths) for paths in found)


def without_braces(pattern: str) -> Iterator[str]:
    """The globs that `{a,b}` stands for."""
    found = _BRACES.search(pattern)
    if not found:
        yield pattern
        return
    for choice in found[1].split(","):
        yield from without_braces(pattern[: found.start()] + choice + pattern[found.end() :])


def _of_loki(loki: Loki) -> Iterator[Smell]:
    header = any(name.casefold() == "authorization" for name in loki.headers)
    secret = loki.basic_auth is not None or loki.bearer_token_file is not None or header or bool(user_info(loki.url))
    parts = urlsplit(loki.url)
    if secret and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        yield Smell("loki.url", "http sends the password or token readable by everyone on the way; use https")
    if loki.tls.insecure_skip_verify:
        yield Smell(
            "loki.tls.insecure_skip_verify", "any server is taken for Loki; name its authority in ca_file instead"
        )


def _of_agent(config: Config) -> Iterator[Smell]:
    data_dir = Path(config.agent.data_dir)
    there = next((place for place in (data_dir, *data_dir.absolute().parents) if _exists(place)), Path("/"))
    if not there.is_dir():
        yield Smell("agent.data_dir", f"{there} is no directory, so the agent will not start; name another one")
    elif not os.access(there, os.W_OK | os.X_OK):
        what = "cannot be written" if there == data_dir else f"cannot be made in {there}"
        yield Smell("agent.data_dir", f"{data_dir} {what} by this user, so the agent will not start; change its owner")


def _exists(path: Path) -> bool:
    """Whether it is there as far as this user may see."""
    try:
        return path.exists()
    except OSError:
        return False


def _of_sources(config: Config) -> Iterator[Smell]:
    for index, source in enumerate(config.sources):
        key = f"source[{index}]"
        if isinstance(source, FileSource):
            yield from _of_paths(source, key)
        else:
            yield from _of_host(source, key)
        yield from _of_labels(config, source, key)


def _of_paths(source: FileSource, key: str) -> Iterator[Smell]:
    for number, pattern in enumerate(source.paths):
        if not matches(pattern):
            message = f"{pattern} matches nothing yet, seen from {Path.cwd()}; files are found when they appear"
            yield Smell(f"{key}.paths[{number}]", message)


def _of_host(source: DockerSource, key: str) -> Iterator[Smell]:
    path = source.host.removeprefix("unix://")
    if path == source.host:
        plain = source.host.startswith("http://") or (source.host.startswith("tcp://") and source.tls == Tls())
        if plain and urlsplit(source.host).hostname not in _LOOPBACK:
            yield Smell(f"{key}.host", "whoever reaches this port is root on that host; use https:// with tls")
    elif not Path(path).exists():
        yield Smell(f"{key}.host", f"there is no socket {path} now; the engine is looked for until it is there")
    elif not os.access(path, os.R_OK | os.W_OK):
        yield Smell(f"{key}.host", f"this user may not use {path}; give it the socket's group, or use a proxy")


def _of_labels(config: Config, source: FileSource | DockerSource, key: str) -> Iterator[Smell]:
    grouped = source.path_labels if isinstance(source, FileSource) else None
    for name in sorted(UNBOUNDED & set(groups_of(grouped) if grouped else ())):
        yield Smell(f"{key}.path_labels", _too_many(name))
    promoted = _promoted(config, source.pipeline)
    names = constant_labels(config, source) | promoted
    if len(names) > MOST_LABELS:
        what = f"with what its pipeline promotes it has {len(names)} labels, and Loki takes {MOST_LABELS}"
        yield Smell(key, f"{what}; promote fewer fields, or have a drop_labels stage")
    for name, value in static_labels(config, source).items():
        if any(secret in value for secret in config.secrets):
            yield Smell(
                f"{key}.labels.{name}", "the value comes from a variable that is named like a secret; Loki shows it"
            )


def _of_pipelines(config: Config) -> Iterator[Smell]:
    used = {source.pipeline for source in config.sources}
    for name, stages in config.pipelines.items():
        if name not in used:
            yield Smell(f"pipeline.{name}", "no source uses it")
        for index, stage in enumerate(stages):
            for label in sorted(UNBOUNDED & set(stage.from_ if isinstance(stage, Labels) else ())):
                yield Smell(f"pipeline.{name}[{index}].from", _too_many(label))


def _promoted(config: Config, pipeline: str) -> set[str]:
    stages = stages_of(config, pipeline)
    names = {name for stage in stages if isinstance(stage, Labels) for name in stage.from_}
    return names | ({"level"} if any(isinstance(stage, Auto) for stage in stages) else set())


def _too_many(name: str) -> str:
    return f"{name} as a label makes a stream for each value; use a metadata stage, or search for it in the line"
