"""Services of a compose file as words of `docker run`, so that a container is what the file says.

Rule 1: what decides on what a container may do and see is taken over: user, mounts, secrets, environment, capabilities.
Rule 2: what needs the host or time is not: published ports, restarts, builds, health checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.deployment.checkers import ROOT
from tests.deployment.compose import Compose


class Services:
    """The services of one compose file."""

    def __init__(self, compose: Compose, file: str) -> None:
        self._project = compose.load(file)
        self._copied = str(compose.root)

    def words(self, name: str) -> list[str]:
        """Options, image and command of a service."""
        service = self._project["services"][name]
        entrypoint = service.get("entrypoint", [])
        named = [f"--entrypoint={entrypoint[0]}"] if entrypoint else []
        return [*self._options(service), *named, service["image"], *entrypoint[1:], *service.get("command", [])]

    def _options(self, service: Any) -> Iterator[str]:
        if service.get("read_only"):
            yield "--read-only"
        if "user" in service:
            yield f"--user={service['user']}"
        for option, key in (("--cap-drop", "cap_drop"), ("--security-opt", "security_opt")):
            yield from (f"{option}={value}" for value in service.get(key, []))
        yield from (f"--env={name}={value}" for name, value in service.get("environment", {}).items())
        for mount in service.get("volumes", []):
            yield self._mount(mount["source"], mount["target"], mount.get("read_only", False))
        for secret in service.get("secrets", []):
            yield self._mount(self._project["secrets"][secret["source"]]["file"], secret["target"], True)

    def _mount(self, source: str, target: str, read_only: bool) -> str:
        return f"--volume={source.replace(self._copied, str(ROOT))}:{target}{':ro' if read_only else ''}"
