"""The example gateway: what it logs of a request, and what it passes on to a model's server."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import structlog

ROOT = Path(__file__).parents[2]


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    """The module, logging into tmp_path; the process's own logging is as before afterwards."""
    for place in ("examples/app_logging", "deployment/serving/gateway"):
        monkeypatch.syspath_prepend(str(ROOT / place))
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    before = structlog.get_config()
    for handler in handlers:
        root.removeHandler(handler)
    import app_logging
    import gateway as module

    app_logging.configure("mlops-gateway", service="fastapi", env="production", log_dir=tmp_path)
    yield module
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    structlog.configure(**before)
    for name in ("app_logging", "gateway"):
        sys.modules.pop(name, None)


def _logged(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "app.log").read_text().splitlines()]


def _model(request: httpx.Request) -> httpx.Response:
    """A model's server."""
    if request.url.path == "/v1/models":
        return httpx.Response(200, json={"data": [{"id": f"of-{request.url.port}"}]})
    assert json.loads(request.content)["messages"] == ["hi"]
    return httpx.Response(200, text=f"data: from {request.url.port}\n\n", headers={"content-type": "text/event-stream"})


class Client:
    """The gateway as its callers see it; `model` answers in the place of the models' servers."""

    def __init__(self, app: Any, model: Callable[[httpx.Request], httpx.Response]) -> None:
        self._app = app
        self._model = model

    def get(self, path: str, **named: Any) -> httpx.Response:
        return self.request("GET", path, **named)

    def post(self, path: str, **named: Any) -> httpx.Response:
        return self.request("POST", path, **named)

    def request(self, method: str, path: str, **named: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            caller = httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://gateway")
            async with self._app.router.lifespan_context(self._app), caller:
                await self._app.state.client.aclose()
                self._app.state.client = httpx.AsyncClient(transport=httpx.MockTransport(self._model))
                return await caller.request(method, path, **named)

        return asyncio.run(call())


def _requests(directory: Path) -> list[dict[str, Any]]:
    """What was logged but the gateway's own start and stop."""
    mine = [event for event in _logged(directory) if event["logger"] == "http"]
    return [event for event in mine if not event["event"].startswith("gateway_")]


@pytest.fixture
def client(gateway: ModuleType) -> Client:
    return Client(gateway.app, _model)


def test_a_request_is_logged_with_its_id_status_and_duration(client, tmp_path):
    reply = client.post("/v1/completions", json={"model": "model2-large", "messages": ["hi"]})
    assert (reply.status_code, reply.text) == (200, "data: from 8001\n\n")
    started, completed = _requests(tmp_path)
    names = ("event", "level", "method", "path", "status_code", "service")
    assert [started.get(name) for name in names] == [
        "request_started", "info", "POST", "/v1/completions", None, "fastapi",
    ]  # fmt: skip
    assert [completed.get(name) for name in names] == [
        "request_completed", "info", "POST", "/v1/completions", 200, "fastapi",
    ]  # fmt: skip
    assert started["request_id"] == completed["request_id"] == reply.headers["X-Request-ID"]
    assert completed["duration_ms"] >= 0


def test_a_given_id_is_kept_unless_it_is_not_fit_to_be_logged(client, tmp_path):
    assert client.get("/v1/models", headers={"X-Request-ID": "abc"}).headers["X-Request-ID"] == "abc"
    assert len(client.get("/v1/models", headers={"X-Request-ID": "x" * 65}).headers["X-Request-ID"]) == 8


def test_health_and_metrics_are_not_logged(client, tmp_path):
    assert client.get("/health").json() == {"status": "ok"}
    assert "gateway_requests_total 0" in client.get("/metrics").text
    assert _requests(tmp_path) == []


def test_what_is_wrong_with_a_request_is_answered_and_logged_as_a_warning(client, tmp_path):
    assert client.post("/v1/completions", content=b"[1]").status_code == 400
    assert _requests(tmp_path)[-1]["level"] == "warning"


def test_a_model_that_does_not_answer_is_a_bad_gateway(gateway, tmp_path):
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    client = Client(gateway.app, refuse)
    assert client.post("/v1/completions", json={"model": "model1"}).status_code == 502
    assert [event["event"] for event in _requests(tmp_path)[-2:]] == ["model_not_reached", "request_completed"]
    assert client.get("/v1/models").json() == {"object": "list", "data": []}


def test_an_exception_is_logged_with_its_traceback_and_answered_with_the_id(gateway, tmp_path):
    def fail(request: httpx.Request) -> httpx.Response:
        raise RuntimeError("broken")

    reply = Client(gateway.app, fail).post("/v1/completions", json={"model": "model1"})
    failed = next(event for event in _requests(tmp_path) if event["event"] == "request_failed")
    assert (reply.status_code, failed["status_code"]) == (500, 500)
    assert failed["exception"].endswith("RuntimeError: broken")
    assert reply.json()["request_id"] == failed["request_id"]
