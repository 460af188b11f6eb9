"""Of one source: which files or containers there are, whether they can be read, and when they were written last.

Rule 1: what the preview found is told in its own words; here is added what only a search for the cause needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from shipper.config.model import DockerSource, FileSource, ResolvedSource
from shipper.doctor.amounts import SECOND, ago, plural, some
from shipper.doctor.contents import contents
from shipper.doctor.hop import Finding, Hop, hop, untried
from shipper.preview.concern import Concern
from shipper.preview.nearest import nearest_names
from shipper.preview.survey import Survey
from shipper.sources.docker.own import own_container
from shipper.sources.file.discovery import Discovery
from shipper.sources.file.globs import Excludes, parse
from shipper.sources.file.paths import label

STALE: Final = 24 * 3600 * SECOND
"""A log that was written last so long ago is worth a word, ns."""
UNENDED: Final = 60 * SECOND
"""A line that has waited for its end so long will hardly get one, ns."""
FORBIDDEN: Final = frozenset({"file_unreadable", "directory_unreadable", "docker_forbidden"})
"""Failures of permission; all others are about what there is."""


def collect_hops(
    resolved: ResolvedSource,
    source: FileSource | DockerSource,
    survey: Survey,
    concerns: Sequence[Concern],
    now: int,
) -> list[Hop]:
    """The hops of a source up to its lines."""
    about_files = [concern for concern in concerns if concern.topic == "files"]
    forbidden = [concern for concern in about_files if concern.failure in FORBIDDEN]
    others = [concern for concern in about_files if concern not in forbidden]
    found = _files(source, survey, others) if isinstance(source, FileSource) else _containers(source, survey, others)
    return [found, _permissions(survey, forbidden), _freshness(resolved, source, survey, now)]


def _files(source: FileSource, survey: Survey, concerns: Sequence[Concern]) -> Hop:
    excluded = _excluded(source)
    beside = f", {len(excluded)} more left out by exclude" if excluded else ""
    saw = f"{plural(len(survey.looks), 'file')} for {some(source.paths)}{beside}"
    return hop("discover", saw, (_found(source, concern, excluded) for concern in concerns))


def _excluded(source: FileSource) -> list[str]:
    """Files that the globs match and `exclude` leaves out."""
    excludes = Excludes(source.exclude)
    return [hit.path for hit in Discovery(source.paths, (), source.link_roots).sweep() if hit.path in excludes]


def _found(source: FileSource, concern: Concern, excluded: Sequence[str]) -> Finding:
    """A concern with a cure that fits what else is known."""
    if concern.failure or concern.about not in source.paths:
        return Finding(what=concern.what, cure=concern.cure, broken=concern.lost)
    meant = [path for path in excluded if any(glob.matches(path) for glob in parse(concern.about))]
    if meant:
        patterns = [pattern for pattern in source.exclude if any(path in Excludes((pattern,)) for path in meant)]
        what = f"{concern.about} matches {plural(len(meant), 'file')}, and exclude leaves all out: {some(patterns)}"
        cure = f"take {some(patterns)} out of exclude of source {source.name!r}, or make it narrower"
        return Finding(what=what, cure=cure, broken=concern.lost)
    return Finding(what=concern.what, cure=_where_to_look(concern.about), broken=concern.lost)


def _where_to_look(pattern: str) -> str:
    names = nearest_names(pattern)
    if names:
        return f'write into paths what is there, as in paths = ["{names[0]}"]; a file that appears later is found'
    inside = "; in a container the directory has to be mounted into it (volumes:)" if own_container() else ""
    missing = next((glob.directory for glob in parse(pattern) if not Path(glob.directory).is_dir()), "")
    where = label(missing or next(glob.directory for glob in parse(pattern)))
    return f"look where the service writes its log (ls -la {where}), and write that into paths{inside}"


def _containers(source: DockerSource, survey: Survey, concerns: Sequence[Concern]) -> Hop:
    meant = [found.container.name for found in survey.containers if found.verdict.included]
    saw = f"{len(meant)} of {plural(len(survey.containers), 'container')} at {survey.paths[0]} are meant"
    return hop("discover", f"{saw}: {some(meant)}" if meant else saw, (_meant(concern, survey) for concern in concerns))


def _meant(concern: Concern, survey: Survey) -> Finding:
    if concern.failure or not survey.containers:
        return Finding(what=concern.what, cure=concern.cure, broken=concern.lost)
    verdicts = [f"{found.container.name}: {found.verdict.rule}" for found in survey.containers]
    what = f"{concern.what} ({some(verdicts)})"
    return Finding(
        what=what, cure="change include or exclude so that they match; docker ps shows the names", broken=True
    )


def _permissions(survey: Survey, forbidden: Sequence[Concern]) -> Hop:
    findings = [Finding(what=concern.what, cure=concern.cure, broken=True) for concern in forbidden]
    if not survey.looks and not findings:
        return untried("permissions", "nothing was found to read")
    what = "stream" if survey.containers else "file"
    return hop("permissions", f"{plural(len(survey.looks), what)} can be read", findings)


def _freshness(resolved: ResolvedSource, source: FileSource | DockerSource, survey: Survey, now: int) -> Hop:
    if not survey.looks:
        return untried("freshness", "nothing was found to read")
    newest = max(survey.looks, key=lambda look: look.changed)
    empty = [look.path for look in survey.looks if not look.size]
    age = f", written {ago(now - newest.changed)} ago" if newest.changed else ""
    findings = [
        *_unended(survey, now),
        *_age(survey, len(empty), newest.path, now - newest.changed if newest.changed else 0),
    ]
    if isinstance(source, FileSource):
        findings += contents(resolved, source)
    return hop("freshness", f"latest is {newest.path}{age}{f'; {len(empty)} empty' if empty else ''}", findings)


def _unended(survey: Survey, now: int) -> Iterator[Finding]:
    """Lines that wait for their newline: of a file that is written just now that is as it should be."""
    for look in survey.looks:
        if look.unterminated and now - look.changed > UNENDED:
            what = f"{look.path}: the last line ({look.unterminated} bytes) has no newline, so it is not shipped"
            yield Finding(
                what=what, cure="have the service end each line; when the file is rotated the rest is shipped"
            )


def _age(survey: Survey, empty: int, newest: str, age: int) -> Iterator[Finding]:
    if empty == len(survey.looks):
        what = "all that was found is empty: the service has written nothing there"
        cure = (
            "look whether it logs to this place (its handler's file name), buffers its output, or logs to stdout only"
        )
        yield Finding(what=what, cure=cure)
    elif age > STALE:
        what = f"nothing was written for {ago(age)}: the service stands still, or writes elsewhere"
        directory = str(Path(newest).parent) if newest.startswith("/") else ""
        where = f" (ls -lat {directory} | head)" if directory else " (docker ps)"
        yield Finding(what=what, cure=f"look whether it runs and what it writes to{where}")
