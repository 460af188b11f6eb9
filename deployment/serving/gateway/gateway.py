"""The example gateway before vLLM: passes requests of the OpenAI API on, and logs each one as a line of JSON.

    /health                         for healthchecks; not logged
    /v1/models, /v1/chat/completions, /v1/completions    passed to the model's server; `model2…` goes to the second one

Logs: logs/fastapi/app.log, rotated at 10 MB, five backups (app_logging.py); each event has request_id, method, path,
status_code and duration_ms, and the request_id is answered in the header X-Request-ID.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import structlog
import uvicorn
from app_logging import configure, get_logger
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse

NOT_LOGGED = frozenset({"/health", "/metrics"})
MAX_ID = 64

log = get_logger("http")


def model_urls() -> dict[str, str]:
    """The model servers' base URLs by the name that requests use."""
    return {
        "model1": os.environ.get("MODEL_1_URL", "http://localhost:8000"),
        "model2": os.environ.get("MODEL_2_URL", "http://localhost:8001"),
    }


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(timeout=httpx.Timeout(300, connect=5), trust_env=False) as client:
        app.state.client = client
        app.state.requests = 0
        log.info("gateway_started", models=model_urls())
        yield
        log.info("gateway_stopped")


app = FastAPI(title="Model gateway", lifespan=lifespan)


@app.middleware("http")
async def log_requests(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """One event per request, with what it took; an exception is logged with its traceback and answered 500."""
    path = request.url.path
    if path in NOT_LOGGED:
        return await call_next(request)
    request.app.state.requests += 1
    given = request.headers.get("X-Request-ID", "")
    request_id = given if given.isprintable() and 0 < len(given) <= MAX_ID else uuid.uuid4().hex[:8]
    structlog.contextvars.bind_contextvars(request_id=request_id, method=request.method, path=path)
    begun = time.perf_counter()
    log.info("request_started")
    try:
        response = await call_next(request)
    except Exception:
        log.exception("request_failed", status_code=500, duration_ms=_since(begun))
        response = JSONResponse({"detail": "internal error", "request_id": request_id}, status_code=500)
    else:
        write = log.error if response.status_code >= 500 else log.warning if response.status_code >= 400 else log.info
        write("request_completed", status_code=response.status_code, duration_ms=_since(begun))
    finally:
        structlog.contextvars.unbind_contextvars("request_id", "method", "path")
    response.headers["X-Request-ID"] = request_id
    return response


def _since(begun: float) -> float:
    """Milliseconds since `begun`."""
    return round((time.perf_counter() - begun) * 1000, 1)


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/metrics")
async def metrics(request: Request) -> PlainTextResponse:
    return PlainTextResponse(
        f"# TYPE gateway_requests_total counter\ngateway_requests_total {request.app.state.requests}\n",
        media_type="text/plain; version=0.0.4",
    )


@app.get("/v1/models")
async def models(request: Request) -> Response:
    """The models of all servers that answer."""
    found = []
    for url in model_urls().values():
        try:
            reply = await request.app.state.client.get(f"{url}/v1/models", timeout=5)
            found += reply.json()["data"]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            log.warning("model_not_reached", url=url, error=type(error).__name__)
    return JSONResponse({"object": "list", "data": found})


@app.post("/v1/chat/completions")
@app.post("/v1/completions")
async def complete(request: Request) -> Response:
    """Pass the request on to the model's server, and its reply back as it comes."""
    try:
        body = await request.json()
        model = str(body.get("model", "model1"))
    except (ValueError, AttributeError):
        return JSONResponse({"detail": "the body is not a JSON object"}, status_code=400)
    url = model_urls()["model2" if model.startswith("model2") else "model1"]
    client: httpx.AsyncClient = request.app.state.client
    outgoing = client.build_request("POST", f"{url}{request.url.path}", json=body)
    try:
        reply = await client.send(outgoing, stream=True)
    except httpx.HTTPError as error:
        log.error("model_not_reached", url=url, error=type(error).__name__)
        return JSONResponse({"detail": f"the model's server does not answer: {type(error).__name__}"}, status_code=502)
    return StreamingResponse(
        _passed_on(reply), status_code=reply.status_code, media_type=reply.headers.get("content-type")
    )


async def _passed_on(reply: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in reply.aiter_bytes():
            yield piece
    finally:
        await reply.aclose()


def main() -> None:
    """Serve on port 8080 (FASTAPI_PORT)."""
    log_dir = os.environ.get("LOG_DIR", "logs/fastapi")
    configure("mlops-gateway", service="fastapi", log_dir=log_dir, app_name="MLOps Chatbot API")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs each request to a model, which is logged already
    uvicorn.run(
        app, host="0.0.0.0", port=int(os.environ.get("FASTAPI_PORT", "8080")), log_config=None, access_log=False
    )


if __name__ == "__main__":
    main()
