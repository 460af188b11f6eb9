"""A journal with something in it, and the configuration that names it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from shipper.chunk import Carry, Fingerprint, Origin, Span
from shipper.cli import main
from shipper.delivery.settled import DeadLetter, Settled
from shipper.journal import Journal
from shipper.sources.file.fingerprint import take
from shipper.sources.step import Note

TEXT = b"first line\nsecond line\nthird line\n"
REFUSED = 1_770_000_000_000_000_000
"""2026-02-02T02:40:00Z."""
LETTER = DeadLetter(
    source="app",
    path="",
    generation=1,
    offset=11,
    length=12,
    lines=1,
    timestamp=REFUSED - 5,
    tenant="",
    labels='{job="app"}',
    text=None,
    reason="too_old",
    words="it is too old",
    time=REFUSED,
)


@dataclass
class Place:
    """A directory with `app.log`, a journal about it, and `shipper.toml`."""

    root: Path
    url: str = "http://127.0.0.1:9"

    @property
    def log(self) -> Path:
        """The log file."""
        return self.root / "app.log"

    @property
    def letters(self) -> tuple[DeadLetter, ...]:
        """A pointer to the second line, and a text of its own."""
        pointer = replace(LETTER, path=str(self.log))
        return pointer, replace(
            pointer, offset=23, length=11, text=b"kept text", reason="labels", words="no such label"
        )

    def configure(self, url: str, *, pipeline: str = "plaintext", stages: str = "") -> None:
        """Write `shipper.toml`."""
        self.url = url
        text = f"""
            [loki]
            url = "{url}"
            max_age = "0"
            [agent]
            data_dir = "{self.root}/data"
            [[source]]
            name = "app"
            type = "file"
            paths = ["{self.root}/*.log"]
            labels = {{ job = "app" }}
            pipeline = "{pipeline}"
            {stages}
        """
        (self.root / "shipper.toml").write_text(text)

    def shipper(self, *args: str) -> Result:
        """Run a command line on this configuration."""
        return CliRunner().invoke(main, ["-c", str(self.root / "shipper.toml"), *args])

    def json(self, *args: str) -> Any:
        """The document that a command prints with --json."""
        return orjson.loads(self.shipper(*args, "--json").stdout)


async def _fill(place: Place) -> None:
    read = TEXT.__getitem__
    end = len(TEXT)
    known = take(lambda offset, size: read(slice(offset, offset + size)), end)
    span = Span(
        origin=Origin(source="app", generation=1, path=str(place.log)),
        start=0,
        end=end,
        clock=REFUSED,
        after_eof=True,
        hit_eof=True,
        fingerprint=known,
    )
    info = place.log.stat()
    async with Journal(place.root / "data") as journal:
        journal.open_source("app", "e", b"{}")
        identity = journal.new_generation()
        journal.note(
            [
                Note(
                    id=identity,
                    source="app",
                    path=str(place.log),
                    seen_at=str(place.log),
                    device=info.st_dev,
                    inode=info.st_ino,
                    size=end,
                    fingerprint=Fingerprint(),
                )
            ]
        )
        await journal.begin([span])
        await journal.commit([Settled(span=span, carry=Carry(), dead_letters=place.letters)])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place whose agent has read everything and was refused two lines."""
    place = Place(tmp_path)
    place.configure(place.url)
    place.log.write_bytes(TEXT)
    asyncio.run(_fill(place))
    return place
