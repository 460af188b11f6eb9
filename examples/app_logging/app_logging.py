"""Logging for a Python service whose logs shipper sends to Loki. Copy this file; it needs structlog alone.

    from app_logging import configure, get_logger

    configure("python-starter-kit")
    log = get_logger(__name__)
    log.info("chat_answered", request_id="3b64dae4", user_id=17, duration_ms=12.5)

writes one JSON object per line to logs/apps/python-starter-kit/app.log (rotated at 10 MB, five backups), in development
also readable lines in colour to the terminal:

    {"request_id": "3b64dae4", "user_id": 17, "duration_ms": 12.5, "event": "chat_answered", "level": "info", ...}

`app`, `env`, `level` and `service` are few in number: shipper makes labels of them. `request_id` and `user_id` are not:
they stay fields, and are found with `| json | request_id="3b64dae4"`. Records of the standard library's logging
(uvicorn, SQLAlchemy, …) go the same way.

Environment: ENV (development), LOG_DIR (logs/apps/NAME), LOG_LEVEL (INFO).
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog

MAX_BYTES = 10_000_000
BACKUPS = 5

get_logger = structlog.stdlib.get_logger


def configure(
    app: str,
    *,
    service: str = "",
    env: str | None = None,
    log_dir: Path | str | None = None,
    file_name: str = "app.log",
    level: str | None = None,
    **fields: Any,
) -> Path:
    """Set logging up for the process and return the file that is written.

    `app` is the application, `service` its part (default: the same); `env`, `log_dir` and `level` come from ENV,
    LOG_DIR and LOG_LEVEL. `fields` are added to each event. The directory is made. Raises OSError if the file cannot be
    written.
    """
    env = env or os.environ.get("ENV") or "development"
    directory = Path(log_dir or os.environ.get("LOG_DIR") or Path("logs") / "apps" / app)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / file_name

    context = {"app": app, "env": env, "service": service or app, **fields}
    shared = _shared_processors(context)
    handlers: list[logging.Handler] = [_file_handler(path, shared)]
    if env == "development":
        handlers.append(_console_handler(shared))
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel((level or os.environ.get("LOG_LEVEL") or "INFO").upper())
    _take_over("uvicorn", "uvicorn.error", "uvicorn.access")
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return path


def _shared_processors(context: dict[str, Any]) -> list[structlog.typing.Processor]:
    """What every event goes through, whoever logged it."""

    def add_context(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {**context, **event}

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        add_context,
    ]


def _file_handler(path: Path, shared: Sequence[structlog.typing.Processor]) -> logging.Handler:
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8")
    # A traceback is one string in the field `exception`: the record stays one line.
    handler.setFormatter(
        _formatter(shared, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False))
    )
    return handler


def _console_handler(shared: Sequence[structlog.typing.Processor]) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(shared, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())))
    return handler


def _formatter(
    shared: Sequence[structlog.typing.Processor], *renderers: structlog.typing.Processor
) -> structlog.stdlib.ProcessorFormatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    )


def _take_over(*names: str) -> None:
    """Loggers that bring handlers of their own give their records to the root logger instead."""
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
