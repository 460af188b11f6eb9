"""`shipper doctor`: why a log is not in Grafana; each hop of the chain, what is wrong with it, and its cure.

Rule 1: exit code 0 if no hop is broken, 1 if one is, 2 for a wrong configuration or an unknown source.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from shipper.cli.group import FAILED
from shipper.cli.lean import without_rich
from shipper.cli.options import SourceName, config_option, config_path, json_option
from shipper.cli.terminal import print_json, print_note
from shipper.errors import UsageError

if TYPE_CHECKING:
    from shipper.config.model import Config, DockerSource, FileSource
    from shipper.doctor.hop import Finding, Hop, Report, Section

MARKS = {"ok": ("✓", "green"), "look": ("!", "yellow"), "broken": ("✗", "red"), "untried": ("-", "bright_black")}
"""A mark and a colour for each state; the word stands beside it."""
NAMES = 13
WORDS = 8
"""Columns of hops' names and of states."""


@click.command()
@click.option("--source", "names", type=SourceName(), multiple=True, help="Only this source; also several times.")
@config_option
@json_option
@click.pass_context
def doctor(context: click.Context, names: tuple[str, ...], as_json: bool) -> int:
    """Walk the chain from the file to a query's answer, and name the broken hop and its cure.

    For each source: what is found and read, what its pipeline makes of the lines, how far the agent is; then a canary
    line is pushed to Loki, in a stream of its own, and read back. Works beside a running agent and without one.
    """
    with without_rich():
        from shipper.config.loading import load
        from shipper.config.masking import Masker
        from shipper.doctor.examine import examine
        from shipper.doctor.hop import masked

    path = config_path(context)
    config = load(path, os.environ)
    report = masked(examine(path, config, _chosen(config, names)), Masker.of(config).mask)
    if as_json:
        print_json(document(report))
    else:
        _print(report)
    return 0 if report.fine else FAILED


def _chosen(config: Config, names: Sequence[str]) -> list[FileSource | DockerSource]:
    """The sources of these names, or all."""
    known = {source.name: source for source in config.sources}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no source {name!r}", hint=f"the configuration has {', '.join(known)}")
    return [source for source in config.sources if not names or source.name in names]


def document(report: Report) -> dict[str, Any]:
    """The report as one JSON document."""
    return {
        "ok": report.fine,
        "verdicts": [{"state": one.state.value, "sentence": one.sentence} for one in report.verdicts],
        "sections": [
            {
                "part": section.part,
                "title": section.title,
                "about": section.about,
                "hops": [_hop_document(hop) for hop in section.hops],
            }
            for section in report.sections
        ],
    }


def _hop_document(hop: Hop) -> dict[str, Any]:
    findings = [{"what": found.what, "cure": found.cure, "broken": found.broken} for found in hop.findings]
    return {"name": hop.name, "state": hop.state.value, "saw": hop.saw, "findings": findings}


def _print(report: Report) -> None:
    for section in report.sections:
        _print_section(section)
    for verdict in report.verdicts:
        mark, colour = MARKS[verdict.state.value]
        print_note(verdict.sentence, mark=f"{mark} ", colour=colour)


def _print_section(section: Section) -> None:
    title = section.title if section.part == "agent" else f"{section.part} {section.title}"
    print_note(f"{title}  ({section.about})" if section.about else title)
    for hop in section.hops:
        mark, colour = MARKS[hop.state.value]
        print_note(hop.saw, mark=f"  {mark} {hop.state.value:<{WORDS}} {hop.name:<{NAMES}} ", colour=colour)
        for found in hop.findings:
            _print_finding(found)
    click.echo()


def _print_finding(found: Finding) -> None:
    mark, colour = MARKS["broken" if found.broken else "look"]
    print_note(found.what, mark=f"      {mark} ", colour=colour)
    if found.cure:
        sentence, *lines = found.cure.split("\n")
        print_note(sentence, lines, mark="        → ", colour="cyan")
