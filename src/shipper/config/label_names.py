"""Labels: which names and values Loki takes.

Rule 1: a name is `[a-zA-Z_][a-zA-Z0-9_]*`, not one that begins with two underscores (those are Loki's own).
Rule 2: limits are Loki's defaults (15 names, name 1024 bytes, value 2048 bytes).
"""

from __future__ import annotations

import re
from typing import Final

from shipper.config.mistakes import Wrong, expected, shown, type_of

MOST_LABELS: Final = 15
LONGEST_NAME: Final = 1024
LONGEST_VALUE: Final = 2048
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def check_label_name(name: str) -> str:
    """A name that a label may have."""
    if not _NAME.fullmatch(name):
        cure = f'did you mean "{sanitized(name)}"?' if name else ""
        raise expected("a label name ([a-zA-Z_][a-zA-Z0-9_]*)", name, cure)
    if name.startswith("__"):
        raise Wrong(
            f"expected a label name that is not reserved, got {shown(name)}; names that begin with __ are Loki's"
        )
    if len(name) > LONGEST_NAME:
        raise Wrong(f"expected a label name of at most {LONGEST_NAME} bytes, got {len(name)}")
    return name


def check_label_value(value: object) -> str:
    """A value that a label may have; the empty one removes the label."""
    if not isinstance(value, str):
        cure = f'write "{value}"' if isinstance(value, int | float) and not isinstance(value, bool) else ""
        raise Wrong(f"expected a string, got {type_of(value)}{f'; {cure}' if cure else ''}")
    size = len(value.encode())
    if size > LONGEST_VALUE:
        raise Wrong(f"expected a label value of at most {LONGEST_VALUE} bytes, got {size} bytes")
    return value


def sanitized(name: str) -> str:
    """The nearest valid label name."""
    changed = re.sub(r"[^a-zA-Z0-9_]", "_", name).lstrip("_") or "label"
    return f"_{changed}" if changed[0].isdigit() else changed
