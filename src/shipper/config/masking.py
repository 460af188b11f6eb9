"""Keeps secrets out of everything that is shown: texts, the printed configuration.

Rule 1: no secret of four or more characters is in a masked text, as it is or as JSON, Python or a URL write it; a
shorter one is masked where it stands as a word of its own.
Rule 2: user and password in any URL are masked, known or not.
Rule 3: a secret of a file is read when it is used, never kept in the model; who reads one adds it to the masker.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec

from shipper.config.amounts import format_duration, format_size
from shipper.config.model import MASK, Config, Loki
from shipper.config.schema import Key, Kind, keys_of
from shipper.config.urls import user_info
from shipper.errors import ConfigError

_USER_INFO = re.compile(r"(?<=://)[^/?#\s]*@")
SHORTEST_INSIDE: Final = 4
"""Shorter secrets are masked as whole words only, lest a header's "1" makes every number unreadable."""


class Masker:
    """Replaces secrets by `***`; cheap to make, so `adding` gives a new one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = frozenset(secret for secret in secrets if secret)
        forms = {form for secret in self._secrets for form in _forms(secret)}
        words = (_word(form) for form in sorted(forms, key=lambda form: (-len(form), form)))
        self._pattern = re.compile("|".join(words)) if forms else None

    @classmethod
    def of(cls, config: Config) -> Masker:
        """Masks what the configuration itself carries: headers, users in URLs, values of secret variables."""
        return cls(secrets_in(config))

    def adding(self, *secrets: str) -> Masker:
        """A masker that hides these as well, such as a password just read."""
        return Masker(self._secrets.union(secrets))

    def mask(self, text: str) -> str:
        """The text without secrets."""
        text = _USER_INFO.sub(f"{MASK}@", text)
        return self._pattern.sub(MASK, text) if self._pattern else text

    def masked(self, value: Any, *, keep: Container[str] = ()) -> Any:
        """A document with every text in it masked; what stands under a name in `keep` is left as it is."""
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, dict):
            return {
                self.mask(str(name)): inner if name in keep else self.masked(inner, keep=keep)
                for name, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.masked(inner, keep=keep) for inner in value]
        return value

    def __repr__(self) -> str:
        return f"Masker({len(self._secrets)} secrets)"


def secrets_in(config: Config) -> tuple[str, ...]:
    """The secrets that the configuration itself carries."""
    return (*config.secrets, *secrets_of(config.loki))


def secrets_of(loki: Loki) -> Iterator[str]:
    """The secrets that stand in `[loki]` itself: headers, the token after "Bearer", passwords or lone users of URLs."""
    for value in loki.headers.values():
        yield value
        yield from value.split()[1:]
    for url in (loki.url, loki.query_url, loki.proxy_url):
        parts = user_info(url) if url else ()
        yield from parts[-1:]
        if len(parts) > 1:
            yield basic_credentials(unquote(parts[0]), unquote(parts[1]))


def secret_files(config: Config) -> Iterator[str]:
    """The files that hold secrets: of the way to Loki, and of the page."""
    basic = config.loki.basic_auth
    paths = (basic.password_file if basic else "", config.loki.bearer_token_file, config.agent.web.password_file)
    yield from (path for path in paths if path)


def basic_credentials(username: str, password: str) -> str:
    """What Basic authentication sends: base64 of `user:password`."""
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def read_secret(path: str) -> str:
    """The secret in a file, without one newline at its end; ConfigError with a cure if it cannot be had."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else "it is no UTF-8 text"
        hint = "Create the file with the secret as its only line and let this user read it"
        raise ConfigError(f"cannot read the secret file {path}: {words}", hint=hint) from None
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret or not secret.isprintable():
        hint = "Write the secret as its only line"
        raise ConfigError(f"the secret file {path} is empty or holds more than one line", hint=hint)
    return secret


def describe(config: Config) -> dict[str, Any]:
    """The configuration for people and JSON: durations and sizes as written in TOML, everything sensitive masked."""
    described = {
        "loki": _described(config.loki),
        "agent": _described(config.agent),
        "labels": config.labels,
        "source": [{"type": source.__struct_config__.tag, **_described(source)} for source in config.sources],
        "pipeline": {name: msgspec.to_builtins(stages) for name, stages in config.pipelines.items()},
    }
    masked: dict[str, Any] = Masker.of(config).masked(described)
    return masked


def _described(table: msgspec.Struct) -> dict[str, Any]:
    shown = ((key, getattr(table, key.attribute)) for key in keys_of(type(table)).values())
    return {
        key.name: _value(key, value) for key, value in shown if value is not None and key.kind is not Kind.DESTINATIONS
    }


def _value(key: Key, value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _described(value)
    if key.kind is Kind.DURATION:
        return format_duration(value)
    if key.kind is Kind.SIZE:
        return format_size(value)
    if key.kind is Kind.HEADERS:
        return dict.fromkeys(value, MASK)
    return list(value) if isinstance(value, tuple) else value


def _forms(secret: str) -> set[str]:
    """The ways a secret may be written in a text."""
    plain = {secret, unquote(secret), secret.strip()} - {""}
    as_json = {json.dumps(form, ensure_ascii=ascii)[1:-1] for form in plain for ascii in (False, True)}
    as_python = {repr(form)[1:-1] for form in plain}
    as_url = {quote(form, safe=safe) for form in plain for safe in ("", "/")}
    return plain | as_json | as_python | as_url


def _word(form: str) -> str:
    if len(form) >= SHORTEST_INSIDE:
        return re.escape(form)
    return rf"(?<!\w){re.escape(form)}(?!\w)"
