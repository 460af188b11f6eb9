"""The agent's own log, on stderr: for a person on a terminal, JSON lines otherwise.

Rule 1: no secret of the configuration is in it, and no control character reaches a terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, MutableMapping
from typing import Any, Literal

import orjson
import structlog

from shipper.cli.terminal import escaped
from shipper.config.masking import Masker, secrets_in
from shipper.config.model import Config

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

Event = MutableMapping[str, Any]


class _Stderr:
    """Whatever `sys.stderr` is when a line is written: a progress bar puts itself in front of it."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class Log:
    """The log as a configuration wants it; `follow` another one later."""

    def __init__(self, config: Config) -> None:
        self._masker = Masker()
        self.follow(config)

    def follow(self, config: Config) -> None:
        """Write as this configuration says; the secrets of earlier ones stay secret."""
        self._masker = self._masker.adding(*secrets_in(config))
        set_up_log(config.agent.log.level, config.agent.log.format, self._masker.mask)


def set_up_log(
    level: Literal["debug", "info", "warning", "error"],
    form: Literal["auto", "console", "json"],
    mask: Callable[[str], str],
) -> None:
    """Configure structlog; `mask` takes the secrets out of a text."""
    terminal = sys.stderr.isatty()
    console = form == "console" or (form == "auto" and terminal)
    renderer: Any = _console(colors=terminal) if console else _json
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _masked(mask),
            *([_without_control_characters] if console else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(_Stderr()),  # type: ignore[arg-type]  # write and flush are all it needs
        cache_logger_on_first_use=False,  # a reload may change all of this
    )


def _console(*, colors: bool) -> Any:
    return structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=24)


def _json(_logger: Any, _method: str, event: Event) -> str:
    first = {key: event.pop(key) for key in ("timestamp", "level", "event") if key in event}
    return orjson.dumps(first | dict(event), default=str).decode()


def _masked(mask: Callable[[str], str]) -> Callable[[Any, str, Event], Event]:
    def processor(_logger: Any, _method: str, event: Event) -> Event:
        for key, value in event.items():
            if isinstance(value, str):
                event[key] = mask(value)
        return event

    return processor


def _without_control_characters(_logger: Any, _method: str, event: Event) -> Event:
    """Only a traceback keeps its line ends."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = "\n".join(map(escaped, value.split("\n"))) if key == "exception" else escaped(value)
    return event
