"""The health check of vLLM's image, run as Docker runs it, beside stand-ins for the models."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from tests.deployment.checkers import ROOT

DOCKERFILE = (ROOT / "deployment/serving/Dockerfile.vllm").read_text()


class Model(BaseHTTPRequestHandler):
    """Answers /health alone."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def model() -> Iterator[str]:
    """The port of a model that answers."""
    with HTTPServer(("127.0.0.1", 0), Model) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield str(server.server_port)
        server.shutdown()


def healthy(**settings: str) -> bool:
    command = json.loads(re.search(r"^  CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[1])
    return (
        subprocess.run([sys.executable, *command[1:]], env=settings, capture_output=True, check=False).returncode == 0
    )


def test_every_enabled_model_must_answer():
    with model() as first:
        one = {"MODEL_1_ENABLED": "true", "MODEL_1_PORT": first}
        assert healthy(**one, MODEL_2_ENABLED="false", MODEL_2_PORT="1")
        assert not healthy(**one, MODEL_2_ENABLED="true", MODEL_2_PORT="1")
        with model() as second:
            assert healthy(**one, MODEL_2_ENABLED="true", MODEL_2_PORT=second)


def test_without_ports_it_asks_where_the_start_script_serves():
    (asked,) = re.findall(r"get\(f'MODEL_\{n\}_PORT', (.*?)\)", DOCKERFILE)
    script = (ROOT / "deployment/serving/start-vllm.sh").read_text()
    assert f'port=$(setting "$n" PORT $(({asked})))' in script
