"""`shipper --dry-run`: what would be shipped, for a person to read."""

from __future__ import annotations

from typing import Any

import click

from shipper.cli.terminal import escaped, number, print_json, print_note, print_table, shortened
from shipper.clock import Clock
from shipper.config.model import Config, FileSource
from shipper.config.resolve import resolve
from shipper.delivery.wire import format_labels, parse_labels
from shipper.pipeline.window import written
from shipper.preview.concerns import concerns
from shipper.preview.document import TOP_VALUES, document
from shipper.preview.survey import Sample, Survey, survey

ROWS = 20
"""Files and label sets shown per source."""
COLUMNS = 400
"""Of a sample's text."""


def show_preview(config: Config, samples: int, *, as_json: bool) -> None:
    """Print the preview of every source, `samples` entries each."""
    clock = Clock()
    documents: list[dict[str, Any]] = []
    for source in config.sources:
        resolved = resolve(config, source)
        found = survey(resolved, source, clock, samples)
        paths = source.paths if isinstance(source, FileSource) else ()
        warnings = list(map(str, concerns(found, resolved, paths)))
        if as_json:
            documents.append(document(found, warnings))
        else:
            _print(found, warnings)
    if as_json:
        print_json({"sources": documents})
    else:
        click.echo("Nothing was sent, nothing was written, no position moved.")


def _print(found: Survey, warnings: list[str]) -> None:
    click.echo(f"== {found.source}  (pipeline {found.pipeline}; {escaped(', '.join(found.paths))})\n")
    _print_containers(found)
    _print_files(found)
    if found.streams:
        _print_streams(found)
        _print_values(found)
        _print_samples(found.samples)
    for warning in warnings:
        sentence, *lines = warning.split("\n")
        print_note(sentence, lines, mark="  ! ")
    if warnings:
        click.echo()


def _print_containers(found: Survey) -> None:
    """Every container with the rule that decides on it; the labels of those that are meant."""
    rows = [
        [
            one.container.name,
            one.container.image,
            "running" if one.running else "stopped",
            f"{'shipped' if one.verdict.included else 'left out'}: {one.verdict.rule}",
            format_labels(one.labels) if one.verdict.included else "",
        ]
        for one in found.containers
    ]
    if rows:
        print_table(("container", "image", "state", "decided by", "labels"), rows, indent=2)
        click.echo()


def _print_files(found: Survey) -> None:
    rows = [[look.path, look.size, look.looked_at, look.lines] for look in found.looks]
    if rows:
        what = "stream" if found.containers else "file"
        print_table((what, "size", "looked at", "lines"), rows[:ROWS], indent=2)
        _print_rest(len(rows), "files")
    else:
        click.echo("  no stream" if found.containers else "  nothing found")
    click.echo()


def _print_streams(found: Survey) -> None:
    """The labels that all streams share once, then each stream by those that tell it from the others."""
    sets = {labels: parse_labels(labels) for labels in found.streams}
    shared = dict(set.intersection(*(set(labels.items()) for labels in sets.values())))
    if shared:
        click.echo(f"  labels of every line: {escaped(format_labels(shared))}\n")
    rows = [
        [found.entries[labels], lines, _without(sets[labels], shared)] for labels, lines in found.streams.most_common()
    ]
    print_table(("entries", "lines", "label set, besides these" if shared else "label set"), rows[:ROWS], indent=2)
    _print_rest(len(rows), "label sets")
    dropped = ", ".join(f"{reason} {number(count)}" for reason, count in found.dropped.most_common())
    click.echo(f"  dropped: {dropped}\n" if dropped else "")


def _without(labels: dict[str, str], shared: dict[str, str]) -> str:
    return format_labels({name: value for name, value in labels.items() if name not in shared})


def _print_values(found: Survey) -> None:
    rows = []
    for name, values in sorted(found.values.items()):
        top = ", ".join(f"{value} ({number(count)})" for value, count in values.most_common(TOP_VALUES))
        more = ", …" if len(values) > TOP_VALUES else ""
        if len(values) > 1:
            rows.append([name, len(values), shortened(top, COLUMNS) + more])
    if rows:
        print_table(("label", "values", "most frequent (lines)"), rows, indent=2)
        click.echo()


def _print_samples(samples: list[Sample]) -> None:
    click.echo("  sample entries, as Loki would get them:")
    for sample in samples:
        click.echo(f"  {written(sample.timestamp)}  {escaped(sample.labels)}")
        for line in sample.text.split("\n"):
            click.echo(f"      {shortened(escaped(line), COLUMNS)}")
        if sample.metadata:
            pairs = ", ".join(f"{name}={value}" for name, value in sample.metadata)
            click.echo(f"      metadata: {shortened(escaped(pairs), COLUMNS)}")
    click.echo()


def _print_rest(count: int, what: str) -> None:
    if count > ROWS:
        click.echo(f"  … and {number(count - ROWS)} more {what}")
