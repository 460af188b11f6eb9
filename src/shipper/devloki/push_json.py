"""A push in JSON: `{"streams": [{"stream": {…}, "values": [["ns", "line", {metadata}?]]}]}`.

Rule 1: a line becomes its UTF-8 bytes; labels become the label text a protobuf push would carry.
Rule 2: text that is not JSON is refused in the words of Loki's decoder, with the text around the place.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import orjson

from shipper.devloki.labels import format_labels
from shipper.devloki.pushed import Metadata, PushedStream
from shipper.devloki.replies import PushRefused

_NEAR: Final = 10  # bytes shown on each side of the place
_FAR: Final = 50
_PATH: Final = "loghttp.PushRequest.Streams: []loghttp.LogProtoStream"


class _Stream(msgspec.Struct, frozen=True):
    stream: dict[str, str] = msgspec.field(default_factory=dict)
    values: list[list[Any]] = msgspec.field(default_factory=list)


class _Push(msgspec.Struct, frozen=True):
    streams: list[_Stream] = msgspec.field(default_factory=list)


def decode_json(body: bytes) -> list[PushedStream]:
    """The streams of a JSON push; raises PushRefused."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise PushRefused(400, _not_json(body, error)) from error
    try:
        push = msgspec.convert(document, _Push)
        return [_columns(stream) for stream in push.streams]
    except (msgspec.ValidationError, TypeError, ValueError, AttributeError) as error:
        raise PushRefused(400, f"{_PATH}: {error}") from error


def _columns(stream: _Stream) -> PushedStream:
    rows = stream.values
    return PushedStream(
        labels=format_labels(sorted(stream.stream.items())),
        times=[_time(row) for row in rows],
        lines=[row[1].encode() for row in rows],
        metadata=[_metadata(row) for row in rows] if any(len(row) > 2 for row in rows) else None,
    )


def _time(row: list[Any]) -> int:
    if len(row) not in (2, 3) or not all(isinstance(part, str) for part in row[:2]):
        raise ValueError('a value is ["<unix nanoseconds>", "<line>"] or has an object of metadata as its third')
    return int(row[0])


def _metadata(row: list[Any]) -> Metadata:
    return tuple(sorted((name, str(value)) for name, value in row[2].items())) if len(row) > 2 else ()


def _not_json(body: bytes, error: orjson.JSONDecodeError) -> str:
    at = len(body.decode("utf-8", "replace")[: error.pos].encode())
    what = "Skip: do not know how to skip: 0" if at >= len(body) else f"Skip: unexpected {body[at : at + 1]!r}"
    near = body[max(0, at - _NEAR) : at + _NEAR].decode("utf-8", "replace")
    far = body[max(0, at - _FAR) : at + _FAR].decode("utf-8", "replace")
    return f"{_PATH}: {what}, error found in #{min(at, _NEAR)} byte of ...|{near}|..., bigger context ...|{far}|..."
