"""What in a survey is likely to disappoint: each a sentence on what will happen, and one on what to do.

Rule 1: pure, but that the nearest names to a glob come from the file system.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from shipper.config.model import ResolvedSource
from shipper.config.smells import UNBOUNDED
from shipper.pipeline.stages.objects import NON_STANDARD, NOT_JSON, NOT_OBJECT
from shipper.pipeline.window import RESTAMPED
from shipper.preview.cure import cure
from shipper.preview.look import TAIL, looked_at
from shipper.preview.nearest import nearest_names
from shipper.preview.survey import Survey
from shipper.sources.file.globs import parse
from shipper.sources.file.paths import label

SECONDS = 1e9
EXPECTED = frozenset({NON_STANDARD, "redraw"})
"""What is counted and needs nobody's attention."""
UNREAD = {
    "message": "their message in {name}, which this pipeline leaves; the whole line is shipped, but `output` would "
    "find no message",
    "time": "a time in {name}, which this pipeline leaves; they get the time they are read at",
    "level": "a level in {name}, which this pipeline leaves; they get no label level",
}
"""What becomes of JSON lines that have something where the pipeline does not look."""
MEANINGS = {
    RESTAMPED: "{count} of {lines} lines get the time of now, as configured (too_old, too_new): Loki would refuse "
    "their own, which is kept as metadata original_timestamp where the server takes it"
}
"""Reasons that say too little by themselves."""


def concerns(survey: Survey, resolved: ResolvedSource, paths: tuple[str, ...]) -> list[str]:
    """All of them, the gravest first."""
    return [
        *_files(survey, paths),
        *_containers(survey),
        *_refusals(survey, resolved),
        *_json(survey),
        *_unread(survey, resolved),
        *_labels(survey, resolved),
        *_counted(survey),
        *_times(survey),
        *_limits(survey),
    ]


def _files(survey: Survey, paths: tuple[str, ...]) -> Iterator[str]:
    for trouble in survey.troubles:
        detail = f": {trouble.detail}" if trouble.detail else ""
        yield f"{trouble.path}: {trouble.name}{detail}; {trouble.hint}"
    for path in paths:
        if not any(glob.matches(look.path) for glob in parse(path) for look in survey.looks):
            where = f"seen from {label(str(Path.cwd()))}{_missing(path)}{_nearest(path)}"
            yield f"{path} matches no file now, {where}; files that appear later are found"


def _missing(pattern: str) -> str:
    missing = [label(glob.directory) for glob in parse(pattern) if not Path(glob.directory).is_dir()]
    return f"; there is no directory {' and no '.join(missing)}" if missing else ""


def _nearest(pattern: str) -> str:
    names = nearest_names(pattern)
    return f"; nearest names: {', '.join(names)}" if names else ""


def _containers(survey: Survey) -> Iterator[str]:
    """What to expect of a source of containers."""
    if survey.containers and not any(found.verdict.included for found in survey.containers):
        yield "no container there is now is meant; see include and exclude, and the rule beside each one above"
    for look in survey.looks:
        if look.lines >= TAIL and survey.containers:
            yield f"looked at the last {TAIL} lines of each stream; the agent begins where start_at says"
            return


def _refusals(survey: Survey, resolved: ResolvedSource) -> Iterator[str]:
    for reason, count in survey.refused.most_common():
        cure = {
            "too_old": 'set max_age = "0" if your Loki takes old entries, or too_old = "restamp"',
            "too_new": 'set too_new = "restamp", or mend the clock of the service',
        }.get(reason, "see shipper dead-letters after a run")
        yield f"{count} of {survey.lines} lines would become dead letters, {reason}: {survey.words[reason]}; {cure}"
    for reason in ("too_old", "too_new"):
        if survey.dropped[reason]:
            yield f"{survey.dropped[reason]} of {survey.lines} lines would be dropped, {reason}, as configured"


def _json(survey: Survey) -> Iterator[str]:
    wrong = survey.fallbacks[NOT_JSON] + survey.fallbacks[NOT_OBJECT]
    if wrong:
        alone = wrong == survey.lines - survey.dropped.total()
        what = "none of the lines is a JSON object" if alone else f"{wrong} of {survey.lines} lines are no JSON objects"
        cure = 'pipeline = "text" reads them' if alone else 'pipeline = "auto" reads both kinds'
        yield f"{what}; they are shipped untouched, without level and time of their own; {cure}"


def _unread(survey: Survey, resolved: ResolvedSource) -> Iterator[str]:
    for role, (name, count) in survey.unread.commonest().items():
        yield f"{count} of {survey.unread.objects} JSON lines have {UNREAD[role].format(name=repr(name))}"
    what = cure(resolved, survey.unread)
    if what:
        yield what


def _labels(survey: Survey, resolved: ResolvedSource) -> Iterator[str]:
    for name in sorted((survey.values.keys() - resolved.labels.keys()) & UNBOUNDED | set(survey.demoted)):
        many = _demoted if name in survey.demoted else _many
        what = many(survey.values[name], resolved)
        yield f"label {name} has {what}; use a metadata stage, or search for it in the line"


def _many(values: Counter[str], _resolved: ResolvedSource) -> str:
    count = "1 value" if len(values) == 1 else f"{len(values)} values"
    return f"{count}; each makes a stream, and Loki grows slow"


def _demoted(values: Counter[str], resolved: ResolvedSource) -> str:
    return (
        f"more values than max_label_values = {resolved.max_label_values}: {values.total()} lines still have it, with "
        f"{len(values)} values; in later ones it is structured metadata, or left out where the server takes none"
    )


def _counted(survey: Survey) -> Iterator[str]:
    for reason, count in survey.fallbacks.most_common():
        if reason not in EXPECTED and reason not in (NOT_JSON, NOT_OBJECT):
            yield MEANINGS.get(reason, "{count} of {lines} lines: {reason}").format(
                count=count, lines=survey.lines, reason=reason
            )


def _times(survey: Survey) -> Iterator[str]:
    if survey.timezone_suspect is not None:
        hours = survey.timezone_suspect / SECONDS / 3600
        yield f"times are {hours:+.2f} hours ahead of the clock; set timezone to the zone the service logs in"


def _limits(survey: Survey) -> Iterator[str]:
    seen, there = looked_at(survey.looks)
    if seen < there - sum(look.unterminated for look in survey.looks):
        yield f"looked at {seen:,} of {there:,} bytes: both ends of large files, the latest files first"
    for look in survey.looks:
        if look.unterminated:
            yield f"{look.path}: the last line ({look.unterminated} bytes) has no end yet; it is shipped once it has"
