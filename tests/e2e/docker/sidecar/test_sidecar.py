"""The image as a sidecar: it shares a volume with a container that logs, and ships to a third one over a network."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from benchmarks.torture.loki import Loki
from tests.deployment.compose import Compose
from tests.e2e.conftest import eventually
from tests.e2e.docker.sidecar.conftest import IMAGE, Docker
from tests.e2e.docker.sidecar.services import Services

pytestmark = pytest.mark.e2e

JOBS = ("fastapi", "inference", "mlflow", "system", "training", "vllm")
RATE = 500
"""Lines a second: minutes of them fit into logs without a rotation, and can be read afterwards."""
WRITABLE = """
import os
places = "/ /tmp /logs /etc/shipper /opt/shipper /var/lib/shipper"
print(os.getuid(), *[place for place in places.split() if os.access(place, os.W_OK)])
"""


class Stack:
    """The quick start, its services run as its compose file says, with the stand-in for Loki in Loki's place."""

    def __init__(self, command: Docker, network: str, services: Services) -> None:
        self._command = command
        self._network = network
        self._services = services

    def run(self, name: str, *words: str) -> None:
        """A container of our image, on the network, under the name the others know it by."""
        self._command("run", "--detach", f"--name=mlops-{name}", f"--network={self._network}", *words)

    def address(self, name: str) -> str:
        """Where a container is on the network, as seen from here."""
        found: str = self.inspect(name)["NetworkSettings"]["Networks"][self._network]["IPAddress"]
        return found

    def start_loki(self) -> Loki:
        self.run("loki", IMAGE, "devloki", "--listen", "0.0.0.0:3100")
        loki = Loki(f"http://{self.address('loki')}:3100")
        eventually(lambda: _answers(loki), "the stand-in for Loki")
        return loki

    def start_shipper(self) -> None:
        self.run("shipper", "--health-interval=500ms", *self._services.words("shipper"))

    def start_generator(self) -> Path:
        """Six services' logs; the directory they are in, as seen from here."""
        self.run("log-generator", *self._services.words("log-generator"), "--rate", str(RATE))
        return Path(self._command("volume", "inspect", "--format={{.Mountpoint}}", "quickstart-logs"))

    def replace_shipper(self) -> None:
        """kill -9, and a new container over the same volumes."""
        self._command("kill", "--signal=KILL", "mlops-shipper")
        self._command("rm", "mlops-shipper")
        self.start_shipper()

    def hang_up(self) -> None:
        """As docs/stack.md has a changed configuration read."""
        self._command("kill", "--signal=HUP", "mlops-shipper")

    def said(self, event: str) -> bool:
        """Whether the agent has logged an event; its engine keeps what it prints, quoted."""
        return f'\\"event\\":\\"{event}\\"' in Path(self.inspect("shipper")["LogPath"]).read_text()

    def stop(self, name: str) -> int:
        """The exit code of a container that was asked to stop."""
        self._command("stop", "--time=60", f"mlops-{name}")
        code: int = self.inspect(name)["State"]["ExitCode"]
        return code

    def inspect(self, name: str) -> Any:
        return json.loads(self._command("inspect", f"mlops-{name}"))[0]

    def execute(self, *words: str) -> str:
        """What a command in the agent's container prints."""
        return self._command("exec", "mlops-shipper", *words)


@pytest.fixture
def stack(command: Docker, image: str, network: str, tmp_path: Path) -> Stack:
    return Stack(command, network, Services(Compose(tmp_path), "docker-compose.quickstart.yml"))


def test_lines_of_one_container_arrive_once_and_labelled_though_the_agents_is_killed_and_replaced(stack: Stack) -> None:
    loki = stack.start_loki()
    stack.start_shipper()
    logs = stack.start_generator()
    for entries in (1, 2000):
        eventually(lambda at_least=entries: loki.count('{service="mlops"}') >= at_least, f"{entries} entries")
        stack.replace_shipper()
    assert stack.stop("log-generator") == 0
    written = {job: Counter(_lines(logs / job)) for job in JOBS}
    for job in JOBS:
        eventually(lambda of=job: _shipped(loki, of).total() >= written[of].total(), f"all lines of {job}")
    assert stack.stop("shipper") == 0
    for job in JOBS:
        assert _shipped(loki, job) == written[job]
        assert loki.count(f'{{job="{job}"}}') == len(loki.entries(f'{{job="{job}"}}'))
    _expect_labels(loki)


def test_the_agent_is_nobody_and_writes_nowhere_but_to_its_volume(stack: Stack) -> None:
    stack.start_shipper()
    container = stack.inspect("shipper")["Config"]
    assert (container["User"], container["StopSignal"]) == ("shipper", "SIGTERM")
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in container["Labels"].items()}
    assert labels.keys() == {"description", "licenses", "revision", "title", "version"}
    assert stack.execute("python", "-c", WRITABLE) == "10001 /var/lib/shipper"
    assert "shipper.toml: configuration is fine (7 sources" in stack.execute("shipper", "check")
    eventually(lambda: stack.said("started"), "an agent that takes signals")
    stack.hang_up()
    eventually(lambda: stack.said("reloaded"), "a configuration that was read again")


def test_without_loki_the_agent_is_healthy_and_answers_prometheus(
    stack: Stack,
) -> None:
    stack.start_shipper()
    eventually(lambda: stack.inspect("shipper")["State"]["Health"]["Status"] == "healthy", "a healthy container")
    answers = {}
    for path in ("/-/healthy", "/-/ready", "/metrics", "/"):
        connection = HTTPConnection(stack.address("shipper"), 12345, timeout=60)
        connection.request("GET", path, headers={"Host": "mlops-shipper:12345"})
        answers[path] = connection.getresponse().status
        connection.close()
    assert answers == {"/-/healthy": 200, "/-/ready": 503, "/metrics": 200, "/": 401}


def test_the_image_brings_a_configuration(command: Docker, image: str) -> None:
    assert "shipper.toml: configuration is fine (6 sources" in command("run", "--rm", "--read-only", image, "check")


def _lines(directory: Path) -> Iterator[str]:
    """What Loki should have of a service's logs: no blank lines, and of redrawn ones their head and last state."""
    for path in directory.iterdir():
        for line in path.read_bytes().decode().split("\n"):
            head, *states = line.removesuffix("\r").split("\r")
            text = head + next((state for state in reversed(states) if state.strip()), "")
            if text.strip():
                yield text


def _shipped(loki: Loki, job: str) -> Counter[str]:
    return Counter(line for text in loki.lines(f'{{job="{job}"}}') for line in text.split("\n"))


def _expect_labels(loki: Loki) -> None:
    found = {entry.labels["job"]: entry.labels for entry in loki.entries('{service="mlops", level="info"}')}
    common = {"service": "mlops", "level": "info", "host": "gpu-host", "env": "development"}
    for job, own in (("fastapi", {"log_type": "api"}), ("inference", {"log_type": "inference"})):
        expected = {"job": job, **common, **own, "filename": found[job]["filename"]}
        assert found[job] == expected
    assert {entry.labels["model"] for entry in loki.entries('{job="vllm"}')} == {"model1", "model2"}


def _answers(loki: Loki) -> bool:
    try:
        return loki.request("GET", "/ready")[0] == 200
    except OSError:
        return False
