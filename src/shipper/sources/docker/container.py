"""A container, as the Engine describes it, and what is known of it right now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shipper.errors import WireError

STDOUT: Final = "stdout"
STDERR: Final = "stderr"
_SHORT: Final = 12
_LEAST: Final = 4
"""Digits of an id that may stand for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What does not change while a container exists, but for its name."""

    id: str
    name: str
    image: str
    """The image as it was named when the container was made."""
    labels: Mapping[str, str] = field(default_factory=dict)
    tty: bool = False
    """One stream for all, which the Engine calls stdout."""
    created: str = ""
    """RFC 3339."""
    driver: str = ""
    """Its logging driver."""

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams it writes."""
        return (STDOUT,) if self.tty else (STDOUT, STDERR)

    @property
    def short(self) -> str:
        """Its id as people know it."""
        return self.id[:_SHORT]

    def is_called(self, word: str) -> bool:
        """Whether a person means it by `word`: its name, or the beginning of its id."""
        return word == self.name or (len(word) >= _LEAST and self.id.startswith(word))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A container right now."""

    container: Container
    running: bool
    included: bool = True
    """Whether the rules of the source mean it."""
    stirs: int = 0
    """Grows whenever it may have written since it was read to its end."""
    fresh: bool = False
    """It was seen to start: there is no log to catch up with."""


def container_of(document: Mapping[str, Any]) -> Container:
    """From `/containers/{id}/json`; raises WireError for what is no such document."""
    try:
        config, host = document["Config"], document.get("HostConfig") or {}
        return Container(
            id=document["Id"],
            name=str(document["Name"]).removeprefix("/"),
            image=config.get("Image") or document.get("Image") or "",
            labels=config.get("Labels") or {},
            tty=bool(config.get("Tty")),
            created=str(document.get("Created") or ""),
            driver=str((host.get("LogConfig") or {}).get("Type") or ""),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise WireError(f"no description of a container: {error!r}") from error


def is_running(state: str) -> bool:
    """Whether a container in this state of `/containers/json` may write; one that waits to be restarted may not."""
    return state in ("running", "paused")
