"""Progress bars for `run --once` on a terminal: one per source, bytes read of bytes there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from shipper.agent import Agent


@contextmanager
def bars() -> Iterator[Callable[[Agent], None]]:
    """Show bars on stderr while the block runs; the function given updates them."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    tasks: dict[str, TaskID] = {}
    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TextColumn("{task.fields[lines]} lines delivered"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )

    def update(agent: Agent) -> None:
        for progress in agent.progress():
            if progress.source not in tasks:
                tasks[progress.source] = shown.add_task(progress.source, total=None, lines=0)
            shown.update(
                tasks[progress.source],
                completed=progress.offset,
                total=max(progress.size, progress.offset),
                lines=f"{progress.account.delivered:,}",
            )

    with shown:
        yield update
