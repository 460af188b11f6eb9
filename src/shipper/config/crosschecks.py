"""What two or more keys must be to each other: checked on the whole model, after each key by itself.

Rule 1: a check that rests on a key with a mistake of its own is left out, so that one mistake is reported once.
Rule 2: a check looks at the model only; no file, no clock, no network.
"""

from __future__ import annotations

from collections.abc import Sequence

from shipper.config.amounts import format_duration
from shipper.config.label_names import MOST_LABELS
from shipper.config.mistakes import Mistakes, Path, Wrong, expected, nearest, shown
from shipper.config.model import (
    AnyStage,
    Auto,
    Config,
    Cri,
    Detect,
    DockerSource,
    Drop,
    FileSource,
    Json,
    Keep,
    Labels,
    Logfmt,
    Loki,
    Metadata,
    Output,
    Regex,
    Replace,
    Tenant,
    Timestamp,
    Tls,
)
from shipper.config.patterns import check_replacement, groups_of
from shipper.config.resolve import static_labels
from shipper.config.tables import pipeline_names
from shipper.config.urls import user_info


def check_whole(config: Config, mistakes: Mistakes) -> None:
    """Notes every mistake that lies between keys."""
    _check_access(config.loki, mistakes)
    _check_loki(config.loki, mistakes)
    web = config.agent.web
    if bool(web.username) != bool(web.password_file) and not mistakes.touch("agent", "web"):
        mistakes.note(("agent", "web"), "expected both username and password_file, or neither, got one")
    _check_names(config, mistakes)
    for index, source in enumerate(config.sources):
        _check_source(config, source, ("source", index), mistakes)
    for name, stages in config.pipelines.items():
        _check_pipeline(stages, ("pipeline", name), mistakes)


def _check_loki(loki: Loki, mistakes: Mistakes) -> None:
    if loki.backoff.min > loki.backoff.max and not mistakes.touch("loki", "backoff"):
        most, got = format_duration(loki.backoff.max), format_duration(loki.backoff.min)
        mistakes.note(("loki", "backoff"), f'expected min to be at most max ("{most}"), got "{got}"')
    _check_tls(loki.tls, ("loki", "tls"), mistakes)
    if loki.tenant is not None and _has_header(loki, "x-scope-orgid"):
        mistakes.note(("loki", "tenant"), "expected one tenant, got another in the header X-Scope-OrgID; leave one out")


def _check_tls(tls: Tls, path: Path, mistakes: Mistakes) -> None:
    if (tls.cert_file is None) != (tls.key_file is None) and not mistakes.touch(*path):
        mistakes.note(path, "expected both cert_file and key_file, or neither, got one")


def _check_access(loki: Loki, mistakes: Mistakes) -> None:
    """At most one way to log in."""
    ways = {
        "bearer_token_file": ("bearer_token_file", loki.bearer_token_file is not None),
        "basic_auth": ("basic_auth", loki.basic_auth is not None),
        "headers": ("the header Authorization", _has_header(loki, "authorization")),
        "url": ("a user in url", bool(user_info(loki.url))),
    }
    used = {key: words for key, (words, given) in ways.items() if given}
    if len(used) > 1:
        message = f"expected one way to log in, got {' and '.join(used.values())}; leave all but one out"
        mistakes.note(("loki", next(iter(used))), message)


def _has_header(loki: Loki, name: str) -> bool:
    return any(header.casefold() == name for header in loki.headers)


def _check_names(config: Config, mistakes: Mistakes) -> None:
    first: dict[str, int] = {}
    for index, source in enumerate(config.sources):
        if source.name and first.setdefault(source.name, index) != index:
            message = f"expected a name of its own, got {shown(source.name)} like source[{first[source.name]}]"
            mistakes.note(("source", index, "name"), f"{message}; positions are kept by this name")


def _check_source(config: Config, source: FileSource | DockerSource, path: Path, mistakes: Mistakes) -> None:
    if isinstance(source, DockerSource):
        _check_tls(source.tls, (*path, "tls"), mistakes)
    names = pipeline_names(config.pipelines)
    if source.pipeline not in names and not mistakes.touch(*path, "pipeline"):
        cure = nearest(source.pipeline, names) or f"pipelines are {', '.join(sorted(names))}"
        mistakes.note((*path, "pipeline"), f"expected the name of a pipeline, got {shown(source.pipeline)}; {cure}")
    keys = ("labels", "path_labels", "filename_label", "label_map")
    if mistakes.touch("labels") or any(mistakes.touch(*path, key) for key in keys):
        return
    labels = constant_labels(config, source)
    if len(labels) > MOST_LABELS:
        mistakes.note(
            (*path, "labels"),
            f"expected at most {MOST_LABELS} labels, Loki's limit, got {len(labels)} ({', '.join(sorted(labels))})",
        )
    if not labels:
        cure = 'write labels = { job = "…" }'
        mistakes.note(path, f"expected at least one label, without which Loki takes nothing, got none; {cure}")


def constant_labels(config: Config, source: FileSource | DockerSource) -> set[str]:
    """The names of the labels a source's lines have before any stage."""
    names = set(static_labels(config, source))
    if isinstance(source, DockerSource):
        return names | {"container", "stream"} | set(source.label_map.values())
    if source.path_labels is not None:
        names |= set(groups_of(source.path_labels))
    return names | ({"filename"} if source.filename_label else set())


def _check_pipeline(stages: Sequence[AnyStage], path: Path, mistakes: Mistakes) -> None:
    """Each stage in itself, and that the fields it takes can have been made before it."""
    fields: set[str] | None = set()
    for index, stage in enumerate(stages):
        sound = not mistakes.touch(*path, index)
        if sound:
            _note_stage(stage, fields, (*path, index), mistakes)
        made = _fields_made(stage) if sound else None
        fields = None if fields is None or made is None else fields | made


def _note_stage(stage: AnyStage, fields: set[str] | None, path: Path, mistakes: Mistakes) -> None:
    """Notes what is wrong with a stage that may take these fields (None: any)."""
    try:
        _check_stage(stage)
    except Wrong as wrong:
        mistakes.note(path, str(wrong))
    for key, name in _fields_taken(stage):
        if fields is not None and name not in fields:
            mistakes.note((*path, key), _no_such_field(name, fields))


def _check_stage(stage: AnyStage) -> None:
    if isinstance(stage, Drop | Keep):
        _check_condition(stage)
    if isinstance(stage, Replace):
        check_replacement(stage.pattern, stage.with_)
    if isinstance(stage, Tenant) and (stage.from_ is None) == (stage.value is None):
        raise Wrong("expected either from or value, got both or none")


def _check_condition(stage: Drop | Keep) -> None:
    if stage.field is None and stage.value:
        raise Wrong("expected the field whose value is meant, got a value alone; write field = …")
    if (stage.pattern is None) == (not stage.value):
        raise Wrong("expected either pattern or field and value, got both or none")


def _fields_made(stage: AnyStage) -> set[str] | None:
    """The fields a stage makes; None if they depend on the line."""
    match stage:
        case Json() | Logfmt() | Auto():
            return None
        case Regex():
            return set(groups_of(stage.pattern))
        case Detect():
            return {"level", "timestamp"}
        case Cri():
            return {"stream", "timestamp"}
        case _:
            return set()


def _fields_taken(stage: AnyStage) -> list[tuple[str, str]]:
    """The keys of a stage that name fields, and these."""
    match stage:
        case Labels() | Metadata():
            return [("from", name) for name in stage.from_.values()]
        case Timestamp() | Output():
            return [("from", stage.from_)]
        case Regex() | Replace() | Tenant():
            return [("from", stage.from_)] if stage.from_ is not None else []
        case Drop() | Keep():
            return [("field", stage.field)] if stage.field is not None else []
        case _:
            return []


def _no_such_field(name: str, fields: set[str]) -> str:
    if not fields:
        cure = "no stage before makes any: put json, logfmt, regex or detect before it"
    else:
        cure = nearest(name, fields) or f"they make {', '.join(sorted(fields))}"
    return str(expected("a field that a stage before makes", name, cure))
