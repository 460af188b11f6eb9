"""`shipper demo`: six services, real files that rotate, the real agent, and a proof."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from shipper.cli.options import json_option
from shipper.cli.terminal import escaped, print_json, print_table, shortened

if TYPE_CHECKING:
    from shipper.demo.proof import Verdict
    from shipper.demo.show import Report, Scene

UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "ms": 0.001}
HEADINGS = ("service", "written", "stored", "missing", "duplicated", "wrong label", "out of order", "rotations")


class Seconds(click.ParamType[float]):
    """A duration such as `10s`, `500ms` or `2m`, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds of the text."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|)", str(value).strip())
        if not found or not float(found[1]):
            self.fail(f"{value!r} is no duration; write it like 10s, 500ms or 2m", param, ctx)
        return float(found[1]) * UNITS[found[2]]


@click.command()
@click.option("--for", "seconds", type=Seconds(), default="10s", show_default=True, help="How long services write.")
@click.option(
    "--rate", type=click.FloatRange(min=20), default=500.0, show_default=True, help="Lines per second, all together."
)
@click.option("--keep", is_flag=True, help="Keep the receiver and the files until Ctrl-C, to look around.")
@json_option
def demo(seconds: float, rate: float, keep: bool, as_json: bool) -> int:
    """Generate six services' logs with rotations, ship them to the embedded receiver, and prove it.

    Exit code 0 only if every line written is stored, once, in order and under its labels.
    """
    from shipper.demo.show import demonstrate

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    report = demonstrate(
        seconds=seconds, rate=rate, say=_silent if as_json else _narrator(), linger=_lingerer(keep, as_json)
    )
    return 0 if report.proven else 1


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Clean up on Ctrl-C, also where a shell has started us with it ignored, and on SIGTERM."""
    raise KeyboardInterrupt


def _silent(_act: str, _scene: Scene) -> None:
    """Say nothing: stdout carries one JSON document."""


def _narrator() -> Callable[[str, Scene], None]:
    started = time.monotonic()

    def say(act: str, scene: Scene) -> None:
        told = {
            "writing": f"receiver  {scene.url}  (a stand-in for Loki)\n"
            f"logs      {scene.directory / 'logs'}\n"
            f"page      {scene.page}  (the agent's status page, while it runs)\n"
            "agent     ships the six services while their files rotate …",
            "catching up": "written; the agent catches up …",
            "proving": "the agent has stopped; asking the receiver what it has …\n",
        }
        click.echo(f"{told[act]}" if act == "writing" else f"[{time.monotonic() - started:5.1f} s] {told[act]}")

    return say


def _lingerer(keep: bool, as_json: bool) -> Callable[[Scene, Report], None]:
    def linger(scene: Scene, report: Report) -> None:
        if as_json:
            print_json(document(report))
        else:
            _print(report)
            _where_to_look(scene, keep)
        if keep:
            sys.stdout.flush()
            signal.pause()

    return linger


def document(report: Report) -> dict[str, Any]:
    """The verdict as one JSON document."""
    return {
        "proven": report.proven,
        "services": [asdict(verdict) | {"proven": verdict.proven} for verdict in report.verdicts],
        "total": totals(report.verdicts),
        "seconds_to_catch_up": round(report.seconds, 3),
        "agent_exit": report.agent_exit,
        "failures": list(report.failures),
    }


COUNTS = ("written", "stored", "missing", "duplicated", "invented", "mislabelled", "out_of_order", "rotations")


def totals(verdicts: tuple[Verdict, ...]) -> dict[str, int]:
    """The sum of each count."""
    return {name: sum(getattr(verdict, name) for verdict in verdicts) for name in COUNTS}


def _row(name: str, counts: dict[str, int]) -> list[object]:
    shown = ("written", "stored", "missing", "duplicated", "mislabelled", "out_of_order", "rotations")
    return [name, *(counts[count] for count in shown)]


def _print(report: Report) -> None:
    rows = [_row(verdict.service, asdict(verdict)) for verdict in report.verdicts]
    total = totals(report.verdicts)
    print_table(HEADINGS, [*rows, _row("total", total)])
    for verdict in report.verdicts:
        for example in verdict.examples:
            click.echo(f"  {verdict.service}: {shortened(escaped(example), 160)}")
    for failure in report.failures:
        click.echo(f"  the agent said: {shortened(escaped(failure), 160)}")
    if report.agent_exit:
        click.echo(f"  the agent ended with exit code {report.agent_exit}")
    told = f"written {total['written']}, stored {total['stored']}, missing {total['missing']}"
    click.echo(f"\n{told}, duplicated {total['duplicated']}: {'proven' if report.proven else 'NOT proven'}")


def _where_to_look(scene: Scene, keep: bool) -> None:
    example = '{job="fastapi", level="error"}'
    click.echo("\nWhere to look:")
    if keep:
        click.echo(f"  curl -G {scene.url}/loki/api/v1/query_range --data-urlencode 'query={example}'")
        click.echo(f"  ls -l {scene.directory}/logs/*    cat {scene.directory}/shipper.toml")
        click.echo("  Ctrl-C ends it all.")
        return
    click.echo("  shipper demo --keep        the same, and the receiver stays up for your own queries, such as")
    click.echo(f'                             {example}   {{job="vllm", model="model1"}}   {{job="mlflow"}}')
    click.echo("  shipper -c shipper.toml --dry-run     a preview of your own logs; sends nothing")
