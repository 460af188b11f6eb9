"""Loki's push messages as generated protobuf classes, built at import: no compiler, no generated file to keep.

Rule 1: the field numbers are those of Loki's push API; `hash` (3 of a stream) is what its distributor adds.
Rule 2: every text field is declared as bytes. On the wire that is the same, and Loki does not check UTF-8, while the
protobuf library refuses a string that is not.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "shipper.devloki"

_MESSAGES: dict[str, tuple[tuple[str, int, int, str], ...]] = {
    "Timestamp": (("seconds", 1, _FIELD.TYPE_INT64, ""), ("nanos", 2, _FIELD.TYPE_INT32, "")),
    "Pair": (("name", 1, _FIELD.TYPE_BYTES, ""), ("value", 2, _FIELD.TYPE_BYTES, "")),
    "Entry": (
        ("timestamp", 1, _FIELD.TYPE_MESSAGE, "Timestamp"),
        ("line", 2, _FIELD.TYPE_BYTES, ""),
        ("structuredMetadata", 3, _FIELD.TYPE_MESSAGE, "Pair[]"),
    ),
    "Stream": (
        ("labels", 1, _FIELD.TYPE_BYTES, ""),
        ("entries", 2, _FIELD.TYPE_MESSAGE, "Entry[]"),
        ("hash", 3, _FIELD.TYPE_UINT64, ""),
    ),
    "PushRequest": (("streams", 1, _FIELD.TYPE_MESSAGE, "Stream[]"),),
}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="shipper/devloki/push.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, target in fields:
            repeated = target.endswith("[]")
            added = message.field.add(name=field, number=number, type=kind)
            added.label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
            if target:
                added.type_name = f".{_PACKAGE}.{target.removesuffix('[]')}"
    return file


def _classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _MESSAGES
    }


_built = _classes()

PushRequest: Any = _built["PushRequest"]
Stream: Any = _built["Stream"]
Entry: Any = _built["Entry"]
Timestamp: Any = _built["Timestamp"]
Pair: Any = _built["Pair"]
