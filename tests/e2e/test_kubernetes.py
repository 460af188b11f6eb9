"""The DaemonSet's configuration over a node's /var/log/pods as containerd and the kubelet write it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.deployment.kubernetes import configuration
from tests.e2e.conftest import World, eventually

pytestmark = pytest.mark.e2e

BEGUN = datetime.now(UTC) - timedelta(minutes=5)
LONG = "x" * 16_384
"""What containerd writes of a line at once."""
UP = '{"event": "up", "level": "info"}'
FAILED = '{"event": "request failed", "level": "error"}'


class Container:
    """A container's log on a node; each line is a microsecond later than the one before."""

    def __init__(self, pods: Path, pod: str, name: str) -> None:
        self._log = pods / pod / name / "0.log"
        self._log.parent.mkdir(parents=True)
        self._written = 0

    def write(self, *lines: str) -> None:
        """Lines as `stdout F text`."""
        with self._log.open("a") as log:
            for line in lines:
                self._written += 1
                time = BEGUN + timedelta(microseconds=self._written)
                log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S.%f')}123Z {line}\n")

    def rotate(self) -> None:
        """As the kubelet does: rename; the runtime opens a new file."""
        self._log.rename(self._log.with_name("0.log.20260127-154502"))
        self._log.touch()


def _configure(world: World, pods: Path) -> None:
    text = configuration()
    for there, here in (
        ("http://loki.monitoring.svc:3100", world.relay.url),
        ("/var/lib/shipper", str(world.root / "state")),
        ("0.0.0.0:12345", ""),
        ("${NODE_NAME}", world.uid),
        ("/var/log/pods", str(pods)),
    ):
        assert there in text
        text = text.replace(there, here)
    world.config.write_text(text)


def test_pods_lines_arrive_whole_with_the_labels_of_their_path_through_a_rotation(world: World) -> None:
    pods = world.root / "pods"
    _configure(world, pods)
    api = Container(pods, "default_api-7d9f_0f1e2d3c", "app")
    own = Container(pods, "shipper_shipper-x2x4_9a8b7c6d", "shipper")
    own.write("stdout F its own output would feed itself")
    api.write(f"stdout F {UP}", f"stdout P {LONG}", "stderr F no GPU", "stdout F the end", f"stderr F {FAILED}")
    everything = f'{{node="{world.uid}"}}'
    world.start()
    eventually(lambda: len(world.loki.entries(everything)) >= 4, "four entries")
    api.write("stdout F the last before the rotation")
    api.rotate()
    api.write("stdout F the first after it")
    eventually(lambda: len(world.loki.entries(everything)) >= 6, "six entries")
    assert world.stop() == 0
    assert world.loki.count(everything) == 6

    common = {"node": world.uid, "env": "production", "job": "pods"}
    labels = {**common, "namespace": "default", "pod": "api-7d9f", "container": "app"}
    found: dict[str, list[str]] = {}
    for entry in sorted(world.loki.entries(everything), key=lambda entry: entry.timestamp):
        own_labels = {name: value for name, value in entry.labels.items() if name not in labels}
        assert {name: value for name, value in entry.labels.items() if name in labels} == labels
        found.setdefault(json.dumps(own_labels, sort_keys=True), []).append(entry.text)
    assert found == {
        '{"level": "info", "stream": "stdout"}': [UP],
        '{"level": "error", "stream": "stderr"}': [FAILED],
        '{"stream": "stderr"}': ["no GPU"],
        '{"stream": "stdout"}': [LONG + "the end", "the last before the rotation", "the first after it"],
    }
