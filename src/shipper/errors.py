"""The error tree.

    ShipperError                what went wrong, in one sentence; `hint`: what to do about it
    ├── ConfigError             the configuration is wrong: every mistake at once (exit code 2)
    ├── UsageError              a command was called wrongly (exit code 2)
    ├── JournalError            the journal cannot be opened, locked or written
    │   ├── JournalLocked       another agent holds this data_dir
    │   └── DeadLettersFull     dead letters take all the room they may
    ├── SourceError             a file or stream cannot be read; its source goes on with the others
    ├── DeliveryError           a push or query failed in a way that has no reply to classify
    ├── ListenError             an address cannot be listened on
    ├── BooksUnbalanced         lines read do not equal lines accounted for, where that is to be an error
    └── WireError               bytes that are not what the wire format promises

Rule 1: an error is translated once, at the I/O edge, and carries its context from there.
Rule 2: every error a user can meet has a hint that says what to do, not what happened.
"""

from __future__ import annotations


class ShipperError(Exception):
    """Base of all errors raised on purpose; `hint` says what the user can do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class UsageError(ShipperError):
    """A command was called wrongly."""


class JournalError(ShipperError):
    """The journal cannot be opened or written."""


class JournalLocked(JournalError):
    """Another agent holds this data_dir."""


class DeadLettersFull(JournalError):
    """Dead letters take all of `dead_letters.max_bytes`."""


class SourceError(ShipperError):
    """A file or a stream cannot be read."""


class DeliveryError(ShipperError):
    """A push or a query failed without a reply to classify."""


class ListenError(ShipperError):
    """An address cannot be listened on."""


class BooksUnbalanced(ShipperError):
    """Lines read do not equal lines accounted for."""


class WireError(ShipperError):
    """Bytes that are not what the wire format promises."""


class ConfigError(ShipperError):
    """The configuration is wrong; `problems` holds one line per mistake, in the order of the file."""

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join((super().__str__(), *(f"  {problem}" for problem in self.problems)))
