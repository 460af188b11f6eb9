"""Other agents that may be installed here, each with the configuration files beside this one.

They get the log's path, the receiver and a directory for their state from the environment: LOG, URL, PORT (of the
receiver) and DATA. Every one reads from the beginning, sends after a second or a mebibyte, and does the same to a line:
`plaintext` nothing, `json` parses it, takes its time and makes labels of level and service.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

HERE: Final = Path(__file__).parent
KINDS: Final = ("plaintext", "json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """An agent: its program, its configuration file for a kind of line, and how to start it."""

    name: str
    configuration: str
    """The file's name, with `{kind}`."""
    command: Sequence[str]
    """With `{program}`, `{configuration}`, `{data}` and `{free}`, a port that nobody has."""

    @property
    def program(self) -> str | None:
        """Where it is installed; None: it is not."""
        return shutil.which(self.name)

    def started_with(self, kind: str, data: Path) -> list[str]:
        """The command that runs it."""
        values = {
            "program": self.program or self.name,
            "configuration": str(HERE / self.configuration.format(kind=kind)),
            "data": str(data),
            "free": str(_free_port()),
        }
        return [part.format(**values) for part in self.command]


PEERS: Final = (
    Peer(
        name="promtail",
        configuration="promtail-{kind}.yaml",
        command=("{program}", "-config.file={configuration}", "-config.expand-env=true"),
    ),
    Peer(
        name="alloy",
        configuration="{kind}.alloy",
        command=(
            "{program}",
            "run",
            "--disable-reporting",
            "--storage.path={data}",
            "--server.http.listen-addr=127.0.0.1:{free}",
            "{configuration}",
        ),
    ),
    Peer(
        name="fluent-bit",
        configuration="fluent-bit-{kind}.conf",
        command=("{program}", "-c", "{configuration}"),
    ),
    Peer(
        name="vector",
        configuration="vector-{kind}.toml",
        command=("{program}", "--quiet", "--config", "{configuration}"),
    ),
)


def environment(log: Path, url: str, data: Path) -> Mapping[str, str]:
    """What their configuration files refer to, and that they may: since 0.57 Vector has to be told."""
    values = {"LOG": str(log), "URL": url, "PORT": str(urlsplit(url).port), "DATA": str(data)}
    return values | {"VECTOR_DANGEROUSLY_ALLOW_ENV_VAR_INTERPOLATION": "true"}


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
