"""What is wrong with bytes that are no push message, in the words of Loki's protobuf decoder.

Called for bytes the protobuf library refuses, or in which it found fields it does not know: it takes a known field of
another wire type for one of those, where Loki's decoder refuses it. The bytes are walked as that decoder does.
"""

from __future__ import annotations

from typing import Final

_TRUNCATED: Final = "unexpected EOF"
_OVERFLOW: Final = "proto: integer overflow"
_NEGATIVE: Final = "proto: negative length found during unmarshaling"

# message -> field number -> (field name, wire type, message of its content or "")
_SHAPES: Final[dict[str, dict[int, tuple[str, int, str]]]] = {
    "PushRequest": {1: ("Streams", 2, "StreamAdapter")},
    "StreamAdapter": {1: ("Labels", 2, ""), 2: ("Entries", 2, "EntryAdapter"), 3: ("Hash", 0, "")},
    "EntryAdapter": {1: ("Timestamp", 2, ""), 2: ("Line", 2, ""), 3: ("StructuredMetadata", 2, "LabelPairAdapter")},
    "LabelPairAdapter": {1: ("Name", 2, ""), 2: ("Value", 2, "")},
}


class _Undecodable(Exception):
    """The walk's end; the message is the decoder's."""


def diagnose(message: bytes) -> str | None:
    """The decoder's complaint about a push message; None if it has none."""
    try:
        _walk(message, "PushRequest")
    except _Undecodable as found:
        return str(found)
    return None


def _walk(data: bytes, shape: str) -> None:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 4:
            raise _Undecodable(f"proto: {shape}: wiretype end group for non-group")
        if number <= 0:
            raise _Undecodable(f"proto: {shape}: illegal tag {number} (wire type {tag})")
        at = _field(data, at, shape, number, wire_type)


def _field(data: bytes, at: int, shape: str, number: int, wire_type: int) -> int:
    known = _SHAPES[shape].get(number)
    if known is None:
        return _skip(data, at, wire_type)
    name, wanted, content = known
    if wire_type != wanted:
        raise _Undecodable(f"proto: wrong wireType = {wire_type} for field {name}")
    end = _skip(data, at, wire_type)
    if content:
        _size, start = _varint(data, at)
        _walk(data[start:end], content)
    return end


def _skip(data: bytes, at: int, wire_type: int) -> int:
    if wire_type == 0:
        return _varint(data, at)[1]
    if wire_type == 2:
        size, at = _varint(data, at)
        if size >= 1 << 63:
            raise _Undecodable(_NEGATIVE)
    elif wire_type in (1, 5):
        size = 8 if wire_type == 1 else 4
    else:
        raise _Undecodable(f"proto: illegal wireType {wire_type}")
    if at + size > len(data):
        raise _Undecodable(_TRUNCATED)
    return at + size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(10):
        if at + index >= len(data):
            raise _Undecodable(_TRUNCATED)
        byte = data[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at + index + 1
    raise _Undecodable(_OVERFLOW)
