"""What in a survey is likely to disappoint: each a sentence on what will happen, and one on what to do.

Rule 1: pure, but that the nearest names to a glob come from the file system.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from shipper.config.model import Auto, Cri, Json, Logfmt, Regex, ResolvedSource
from shipper.config.smells import UNBOUNDED
from shipper.pipeline.stages.objects import NON_STANDARD, NOT_JSON, NOT_OBJECT
from shipper.pipeline.window import RESTAMPED
from shipper.preview.concern import Concern
from shipper.preview.cure import cure as cure_of
from shipper.preview.look import TAIL, looked_at
from shipper.preview.nearest import nearest_names
from shipper.preview.survey import Survey
from shipper.sources.file.globs import parse
from shipper.sources.file.paths import label

SECONDS = 1e9
UNPARSABLE = "timestamp_unparsable"
EXPECTED = frozenset({NON_STANDARD, "redraw"})
"""What is counted and needs nobody's attention."""
UNREAD = {
    "message": "their message in {name}, which this pipeline leaves; the whole line is shipped, but `output` would "
    "find no message",
    "time": "a time in {name}, which this pipeline leaves; they get the time they are read at",
    "level": "a level in {name}, which this pipeline leaves; they get no label level",
}
"""What becomes of JSON lines that have something where the pipeline does not look."""
READERS = (Auto, Cri, Json, Logfmt, Regex)
"""Stages that take fields from lines, each in its way."""
MEANINGS: Mapping[str, tuple[str, str]] = {
    RESTAMPED: (
        "get the time of now, as configured (too_old, too_new): Loki would refuse their own, which is kept as metadata "
        "original_timestamp where the server takes it",
        "mend the clock or the time zone of the service, or choose otherwise with too_old and too_new",
    ),
    UNPARSABLE: (
        "have a time that the pipeline cannot read, or one before 2000 or more than a day ahead; they get the time of "
        "the line before them, or that of their reading",
        'write the format they have as `format` of the timestamp stage; "auto" reads RFC 3339 and numbers in s, ms, µs '
        "and ns",
    ),
    "invalid_utf8": (
        "have bytes that are no text in the encoding of the source; Loki gets U+FFFD in their place",
        'set `encoding` of the source to what the service writes, such as "latin-1" or "cp949"',
    ),
    "cut": ("are longer than max_line_bytes and are cut", "raise max_line_bytes in [agent], if Loki takes longer ones"),
    "label_limit": ("have more labels than Loki takes; those beyond become metadata", "promote fewer fields to labels"),
    "label_too_long": (
        "have a label value that Loki does not take; it becomes metadata",
        "use a metadata stage for it",
    ),
    "no_match": ("do not match the pattern of the regex stage and stay as they are", "correct its pattern"),
    "not_logfmt": ("have no key=value pairs for the logfmt stage and stay as they are", "see whether it belongs there"),
    "not_cri": ("are not in the format that the cri stage reads, and stay as they are", "see whether it belongs there"),
}
"""Reasons that say too little by themselves: what it means for the lines, and what to do."""


def concerns(survey: Survey, resolved: ResolvedSource, paths: tuple[str, ...]) -> list[Concern]:
    """All of them, the gravest first."""
    return [
        *_files(survey, paths),
        *_containers(survey),
        *_nothing_left(survey),
        *_refusals(survey),
        *_json(survey, resolved),
        *_unread(survey, resolved),
        *_records(survey, resolved),
        *_labels(survey, resolved),
        *_counted(survey),
        *_times(survey),
        *_limits(survey),
    ]


def _files(survey: Survey, paths: tuple[str, ...]) -> Iterator[Concern]:
    for trouble in survey.troubles:
        detail = f": {trouble.detail}" if trouble.detail else ""
        what = f"{trouble.path}: {trouble.name}{detail}"
        yield Concern(topic="files", what=what, cure=trouble.hint, lost=True, about=trouble.path, failure=trouble.name)
    for path in paths:
        if not any(glob.matches(look.path) for glob in parse(path) for look in survey.looks):
            what = f"{path} matches no file now, seen from {label(str(Path.cwd()))}{_missing(path)}{_nearest(path)}"
            yield Concern(
                topic="files", what=what, cure="files that appear later are found", lost=not survey.looks, about=path
            )


def _missing(pattern: str) -> str:
    missing = [label(glob.directory) for glob in parse(pattern) if not Path(glob.directory).is_dir()]
    return f"; there is no directory {' and no '.join(missing)}" if missing else ""


def _nearest(pattern: str) -> str:
    names = nearest_names(pattern)
    return f"; nearest names: {', '.join(names)}" if names else ""


def _containers(survey: Survey) -> Iterator[Concern]:
    """What to expect of a source of containers."""
    if survey.containers and not any(found.verdict.included for found in survey.containers):
        yield Concern(
            topic="files",
            what="no container there is now is meant",
            cure="see include and exclude, and the rule beside each one above",
            lost=True,
        )
    for look in survey.looks:
        if look.lines >= TAIL and survey.containers:
            what = f"looked at the last {TAIL} lines of each stream; the agent begins where start_at says"
            yield Concern(topic="extent", what=what)
            return


def _nothing_left(survey: Survey) -> Iterator[Concern]:
    """A pipeline that drops whatever there is."""
    by_rules = {reason: count for reason, count in survey.dropped.items() if reason != "blank"}
    if by_rules and not survey.entries and not survey.refused:
        reasons = ", ".join(f"{reason} {count}" for reason, count in by_rules.items())
        what = f"the pipeline drops every line there is ({reasons})"
        cure = f"see the drop, keep and sample stages of pipeline {survey.pipeline!r} (shipper explain names the one)"
        yield Concern(topic="lines", what=what, cure=cure, lost=True)


def _refusals(survey: Survey) -> Iterator[Concern]:
    for reason, count in survey.refused.most_common():
        cure = {
            "too_old": 'set max_age = "0" if your Loki takes old entries, or too_old = "restamp"',
            "too_new": 'set too_new = "restamp", or mend the clock of the service',
        }.get(reason, "see shipper dead-letters after a run")
        what = f"{count} of {survey.lines} lines would become dead letters, {reason}: {survey.words[reason]}"
        yield Concern(topic="lines", what=what, cure=cure, lost=not survey.entries)
    for reason in ("too_old", "too_new"):
        if survey.dropped[reason]:
            what = f"{survey.dropped[reason]} of {survey.lines} lines would be dropped, {reason}, as configured"
            yield Concern(topic="lines", what=what, cure="choose otherwise with too_old and too_new in [loki]")


def _json(survey: Survey, resolved: ResolvedSource) -> Iterator[Concern]:
    wrong = survey.fallbacks[NOT_JSON] + survey.fallbacks[NOT_OBJECT]
    if wrong:
        alone = wrong == survey.lines - survey.dropped.total()
        what = "none of the lines is a JSON object" if alone else f"{wrong} of {survey.lines} lines are no JSON objects"
        cure = 'pipeline = "text" reads them' if alone else 'pipeline = "auto" reads both kinds'
        what = f"{what}; they are shipped untouched, without level and time of their own"
        yield Concern(topic="lines", what=what, cure=cure)
    objects = survey.unread.objects
    if (
        survey.entries
        and objects > survey.unread.texts
        and not any(isinstance(stage, READERS) for stage in resolved.stages)
    ):
        what = f"{objects} of {survey.lines} lines are JSON objects, and this pipeline reads no field of them"
        cure = 'pipeline = "json" gives them time and level of their own; the line stays as it is'
        yield Concern(topic="lines", what=what, cure=cure)


def _unread(survey: Survey, resolved: ResolvedSource) -> Iterator[Concern]:
    for role, (name, count) in survey.unread.commonest().items():
        what = f"{count} of {survey.unread.objects} JSON lines have {UNREAD[role].format(name=repr(name))}"
        yield Concern(topic="lines", what=what)
    cure = cure_of(resolved, survey.unread)
    if cure:
        yield Concern(topic="lines", cure=cure)


def _records(survey: Survey, resolved: ResolvedSource) -> Iterator[Concern]:
    multiline = resolved.multiline
    if multiline is not None and multiline.start and survey.lines > 1 and not survey.begun:
        what = (
            f"no line matches the start of multiline, '{multiline.start}': lines are joined that have nothing to do "
            f"with each other, up to {multiline.max_lines} in one entry"
        )
        yield Concern(topic="lines", what=what, cure="write a pattern that the first line of each record matches")


def _labels(survey: Survey, resolved: ResolvedSource) -> Iterator[Concern]:
    for name in sorted((survey.values.keys() - resolved.labels.keys()) & UNBOUNDED | set(survey.demoted)):
        many = _demoted if name in survey.demoted else _many
        what = f"label {name} has {many(survey.values[name], resolved)}"
        yield Concern(topic="labels", what=what, cure="use a metadata stage, or search for it in the line")


def _many(values: Counter[str], _resolved: ResolvedSource) -> str:
    count = "1 value" if len(values) == 1 else f"{len(values)} values"
    return f"{count}; each makes a stream, and Loki grows slow"


def _demoted(values: Counter[str], resolved: ResolvedSource) -> str:
    return (
        f"more values than max_label_values = {resolved.max_label_values}: {values.total()} lines still have it, with "
        f"{len(values)} values; in later ones it is structured metadata, or left out where the server takes none"
    )


def _counted(survey: Survey) -> Iterator[Concern]:
    for reason, count in survey.fallbacks.most_common():
        if reason not in EXPECTED and reason not in (NOT_JSON, NOT_OBJECT):
            meaning, cure = MEANINGS.get(reason, ("", ""))
            what = f"{count} of {survey.lines} lines{f' {meaning}' if meaning else f': {reason}'}"
            yield Concern(topic="lines", what=what, cure=cure)


def _times(survey: Survey) -> Iterator[Concern]:
    if survey.timezone_suspect is not None:
        hours = survey.timezone_suspect / SECONDS / 3600
        what = f"times are {hours:+.2f} hours ahead of the clock"
        yield Concern(topic="lines", what=what, cure="set timezone to the zone the service logs in")


def _limits(survey: Survey) -> Iterator[Concern]:
    seen, there = looked_at(survey.looks)
    if seen < there - sum(look.unterminated for look in survey.looks):
        what = f"looked at {seen:,} of {there:,} bytes: both ends of large files, the latest files first"
        yield Concern(topic="extent", what=what)
    for look in survey.looks:
        if look.unterminated:
            what = f"{look.path}: the last line ({look.unterminated} bytes) has no end yet; it is shipped once it has"
            yield Concern(topic="extent", what=what, about=look.path)
