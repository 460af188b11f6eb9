"""`shipper devloki`: the embedded receiver alone, for trying things where no Loki is."""

from __future__ import annotations

import asyncio
import re
import signal
from typing import Final, cast

import click

from shipper.devloki.release import RELEASES, Version
from shipper.errors import ShipperError

_SIZE: Final = re.compile(r"(\d+)\s*(|B|KiB|MiB|GiB|KB|MB|GB)", re.IGNORECASE)
_UNITS: Final = {"": 1, "b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}


class _Listen(click.ParamType[tuple[str, int]]):
    name = "host:port"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        host, _, port = str(value).rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isdigit() or int(port) > 65535:
            self.fail(f"expected HOST:PORT as in 127.0.0.1:3100, got {value!r}", param, ctx)
        return host, int(port)


class _Size(click.ParamType[int]):
    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = _SIZE.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"expected a size as in 1GiB, got {value!r}", param, ctx)
        return int(match[1]) * _UNITS[match[2].lower()]


@click.command()
@click.option("--listen", type=_Listen(), default="127.0.0.1:3100", show_default=True, help="Port 0 takes a free one.")
@click.option(
    "--as", "version", type=click.Choice(tuple(RELEASES)), default="3.4", show_default=True, help="Loki release."
)
@click.option(
    "--limits", type=click.Choice(("on", "off")), default="on", show_default=True, help="Loki's default limits."
)
@click.option(
    "--max-bytes", type=_Size(), default="1GiB", show_default=True, help="What to hold in memory; more is refused."
)
def devloki(listen: tuple[str, int], version: str, limits: str, max_bytes: int) -> None:
    """Run the embedded Loki stand-in: everything in memory, not for production."""
    try:
        asyncio.run(_serve(listen, cast(Version, version), limits == "on", max_bytes))
    except ShipperError as error:
        raise click.ClickException(str(error)) from error


async def _serve(listen: tuple[str, int], version: Version, limits: bool, max_bytes: int) -> None:
    from shipper.devloki.server import Receiver  # the server's parts take a moment to load; `--help` does not need them

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    host, port = listen
    async with Receiver(host, port, version=version, limits=limits, max_bytes=max_bytes) as receiver:
        click.echo(f"devloki (Loki {version} stand-in, not for production) listening on {receiver.url}")
        await stop.wait()
