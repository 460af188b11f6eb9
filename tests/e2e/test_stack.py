"""The stack's own configuration, as its container runs it: what the example services write answers the queries."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.conftest import World, eventually

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "deployment/monitoring/configs/shipper/shipper.toml"
ANSWERED = 'app="python-starter-kit", env="production", level="error"'
PROGRAM = """
from app_logging import configure, get_logger

configure("python-starter-kit")
log = get_logger("app")
log.info("started")
log.error("payment_failed", request_id="3b64dae4", user_id=17)
log.warning("slow")
"""


def _app(directory: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("LOG_DIR", "LOG_LEVEL")}
    environment |= {"ENV": "production", "PYTHONPATH": str(ROOT / "examples/app_logging")}
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=directory, env=environment, check=True)


def _shipper(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command with the stack's configuration."""
    password = world.root / "password"
    password.write_text("secret\n")
    return subprocess.run(
        [sys.executable, "-m", "shipper", "-c", str(CONFIG), *arguments],
        cwd=world.root,
        env={
            **os.environ,
            "ENV": "development",
            "LOKI_URL": world.relay.url,
            "LOG_ROOT": str(world.logs),
            "SHIPPER_DATA_DIR": str(world.root / "state"),
            "SHIPPER_HOST": world.uid,
            "SHIPPER_LISTEN": "",
            "SHIPPER_WEB_PASSWORD_FILE": str(password),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_one_look_says_which_services_write_logs(world: World) -> None:
    writing = {"fastapi": "app.log", "vllm": "model1_20260127_154502.log", "system": "syslog.log"}
    for name, file in writing.items():
        (world.logs / name).mkdir()
        (world.logs / name / file).write_text("INFO: a line\n")
    (world.logs / "training").mkdir()
    (look,) = re.findall(r"shipper doctor \| grep -E '(.*)'", (ROOT / "docs/stack.md").read_text())
    seen = [line for line in _shipper(world, "doctor").stdout.splitlines() if re.search(look, line)]
    said = {source.split()[1]: " ".join(hop.split()[3:6]) for source, hop in zip(seen[::2], seen[1::2], strict=True)}
    assert said == {
        **dict.fromkeys(("fastapi", "vllm", "mlflow", "inference", "training", "system", "apps"), "nothing was found"),
        **{name: f"latest is {world.logs / name / file}," for name, file in writing.items()},
    }


def test_the_logging_module_answers_the_query_of_its_users(world: World) -> None:
    _app(world.root)
    shipped = _shipper(world, "run", "--once")
    assert shipped.returncode == 0, shipped.stderr
    everything, errors = (f'{{{more}host="{world.uid}"}}' for more in ("", ANSWERED + ", "))
    eventually(lambda: len(world.loki.entries(everything)) >= 3, "three lines")
    (line,) = world.loki.lines(errors)
    assert '"event": "payment_failed"' in line
    assert world.loki.count(everything) == 3
    labels = {name for entry in world.loki.entries(everything) for name in entry.labels}
    assert labels == {"app", "env", "filename", "host", "job", "level", "service"}
