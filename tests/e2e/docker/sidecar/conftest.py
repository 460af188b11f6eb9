"""The agent's image, built as a user builds it, and a network on which its containers find each other by name."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.docker.sidecar import base

ROOT = Path(__file__).parents[4]
IMAGE = "mlops-shipper"
NETWORK = "docker_default"
MISSING = "needs Docker's command line: apt-get install docker.io (or docker-cli)"

Docker = Callable[..., str]
"""A docker command; what it prints. An exit code that is not zero is an error."""


@pytest.fixture(scope="session")
def command(dockerd: Any) -> Docker:
    """The docker command, speaking to the tests' own engine."""
    # The classic builder: BuildKit needs a plugin that not every Docker comes with.
    environment = {**os.environ, "DOCKER_HOST": dockerd.host, "DOCKER_BUILDKIT": "0"}

    def run(*arguments: str, given: bytes | None = None) -> str:
        done = subprocess.run(
            ["docker", *arguments], input=given, capture_output=True, cwd=ROOT, env=environment, check=False
        )
        if done.returncode:
            pytest.fail(f"docker {' '.join(arguments)}: {(done.stdout + done.stderr)[-3000:].decode()}")
        return done.stdout.decode().strip()

    return run


@pytest.fixture(scope="session")
def image(command: Docker) -> str:
    """The agent's image on a base of this machine's own Debian."""
    for there, missing in ((shutil.which("docker") is not None, MISSING), (base.can_be_made(), base.MISSING)):
        if not there:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    instructions = [word for setting in base.settings() for word in ("--change", setting)]
    command("import", *instructions, "-", "base", given=base.archive())
    command("build", "--network=host", "--file=docker/Dockerfile", "--build-arg=BASE=base", f"--tag={IMAGE}", ".")
    return IMAGE


@pytest.fixture
def network(command: Docker, docker: Any) -> Iterator[str]:
    """A network of the compose stack's kind; it goes after its containers."""
    command("network", "create", NETWORK)
    yield NETWORK
    for container in command("ps", "--all", "--quiet").split():
        command("rm", "--force", "--volumes", container)
    command("network", "rm", NETWORK)
    command("volume", "prune", "--force")
