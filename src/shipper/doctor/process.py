"""Of one source: what its pipeline makes of the lines, and which labels they get."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from shipper.config.model import ResolvedSource
from shipper.config.smells import Smell
from shipper.delivery.wire import parse_labels
from shipper.doctor.amounts import SECOND, ago, plural, some
from shipper.doctor.hop import Finding, Hop, hop, untried
from shipper.doctor.host import finding_of
from shipper.doctor.limits import Limits
from shipper.doctor.zone import shift_of, zone_for
from shipper.pipeline.labels import LEVEL
from shipper.preview.concern import Concern
from shipper.preview.survey import Survey

BELOW: Final = "the cure below is for this, too"
MANY_STREAMS: Final = 500
"""Streams of one source above which Loki grows slow."""
_IDENTIFIER: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[0-9a-fA-F]{16,}|\w*\d{5,}\w*")
FEW: Final = 10
"""Values of a label below which nothing can be said about how they grow."""


def process_hops(
    resolved: ResolvedSource,
    survey: Survey,
    concerns: Sequence[Concern],
    smells: Sequence[Smell],
    limits: Limits | None,
    now: int,
) -> list[Hop]:
    """The hops of a source from its lines to its streams."""
    if not survey.lines:
        return [untried("lines", "there is no complete line to look at"), _labels(survey, concerns, smells, limits)]
    findings = [*_findings(concerns, "lines"), *_times(resolved, survey, now)]
    return [hop("lines", _summary(survey), findings), _labels(survey, concerns, smells, limits)]


def _findings(concerns: Sequence[Concern], topic: str) -> list[Finding]:
    """The concerns about one topic; a cure that stands alone is for those before it that have none."""
    found: list[Finding] = []
    for concern in concerns:
        if concern.topic == topic and concern.what:
            found.append(Finding(what=concern.what, cure=concern.cure, broken=concern.lost))
        elif concern.topic == topic:
            found[-1] = replace(found[-1], cure=concern.cure)
    return [one if one.cure else replace(one, cure=BELOW) for one in found]


def _summary(survey: Survey) -> str:
    """How many lines there are of which kind, and what was found in them."""
    unread, entries = survey.unread, survey.entries.total()
    kinds = ""
    if unread.roles:
        roles = ", ".join(f"{role.name} {unread.read[role.name]}" for role in unread.roles)
        texts = f", {unread.texts} text" if unread.texts else ""
        kinds = f": {unread.objects} JSON{f' ({roles})' if unread.objects else ''}{texts}"
    saw = f"{plural(survey.lines, 'line')}, pipeline {survey.pipeline}{kinds}"
    if not entries:
        return f"{saw}; no entry is left to send"
    timed = entries - min(entries, survey.untimed)
    levels = survey.values[LEVEL].total() if LEVEL in survey.values else 0
    return f"{saw}; {timed} of {entries} entries have a time of their own, {levels} a level"


def _times(resolved: ResolvedSource, survey: Survey, now: int) -> Iterator[Finding]:
    shift = shift_of(survey.looks)
    latest = max((look.parsed for look in survey.looks), default=0)
    if shift:
        hours = f"{abs(shift) / SECOND / 3600:g} hours {'ahead of' if shift > 0 else 'behind'}"
        zone = zone_for(shift, resolved.timezone, now)
        what = f"times are {hours} the moment the lines were written: local times logged without a zone"
        name = f'timezone = "{zone}" in the source' if zone else "set timezone of the source to the service's zone"
        yield Finding(what=what, cure=f"{name}, or have the service log UTC or its offset")
    elif latest > now + (resolved.max_ahead or 600 * SECOND):
        what = f"the last line's time is {ago(latest - now)} in the future ({_written(latest)})"
        yield Finding(
            what=what, cure="mend the clock of the service (timedatectl), or the format of the timestamp stage"
        )


def _written(time: int) -> str:
    return datetime.fromtimestamp(time // SECOND).astimezone().isoformat(" ")


def _labels(survey: Survey, concerns: Sequence[Concern], smells: Sequence[Smell], limits: Limits | None) -> Hop:
    findings = [*_findings(concerns, "labels"), *map(finding_of, smells)]
    if not survey.streams:
        return hop("labels", "no streams without lines", findings) if findings else untried("labels", "no streams")
    most = max((parse_labels(labels) for labels in survey.streams), key=len)
    saw = f"{plural(len(survey.streams), 'stream')}, {plural(len(most), 'label')} at most: {some(sorted(most), 20)}"
    return hop("labels", saw, [*findings, *_identifiers(survey, concerns), *_number(survey, len(most), limits)])


def _identifiers(survey: Survey, concerns: Sequence[Concern]) -> Iterator[Finding]:
    """Labels that no list of names knows and whose values are those of identifiers."""
    told = " ".join(concern.what for concern in concerns if concern.topic == "labels")
    for name, values in survey.values.items():
        alike = sum(_IDENTIFIER.fullmatch(value) is not None for value in values)
        if len(values) >= FEW and alike * 2 > len(values) and f"label {name} " not in told and name != "filename":
            what = f"label {name} has {len(values)} values that look like identifiers; each makes a stream"
            yield Finding(what=what, cure="use a metadata stage, or search for it in the line")


def _number(survey: Survey, labels: int, limits: Limits | None) -> Iterator[Finding]:
    if len(survey.streams) > MANY_STREAMS:
        what = f"{len(survey.streams)} streams of one source: Loki keeps chunks for each and grows slow"
        yield Finding(what=what, cure="promote fewer fields to labels; shipper --dry-run shows the values of each")
    allowed = limits.label_names if limits else 0
    if allowed and labels > allowed:
        what = f"streams have {labels} labels, and Loki takes {allowed} (max_label_names_per_series)"
        cure = "remove labels (a drop_labels stage, filename_label = false), or raise Loki's limit"
        yield Finding(what=what, cure=cure, broken=True)
