"""Files to ship, made once in a run, and what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks.agent import Arrived
from benchmarks.counting import MASK, checksum_of


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A generated file, or several under a glob, and what is in them."""

    path: Path
    """May hold `*`."""
    lines: int
    text: int
    """Bytes of all lines without line ends."""
    checksum: int

    def all_in(self, arrived: Arrived) -> bool:
        """Whether every line arrived: by count and checksum, or by bytes where lines were joined to entries.

        A joined entry holds a newline for each of its lines but the first.
        """
        if arrived.entries == self.lines:
            return (arrived.bytes, arrived.checksum) == (self.text, self.checksum)
        return arrived.entries + (arrived.bytes - self.text) == self.lines


def written(path: Path, lines: Iterable[bytes]) -> File:
    """Write lines to a file and take their measures, less LF and a CR before it."""
    count = text = checksum = 0
    with path.open("wb") as file:
        for batch in batches(lines):
            file.write(b"".join(batch))
            stripped = [line[:-1].removesuffix(b"\r") for line in batch]
            count += len(batch)
            text += sum(map(len, stripped))
            checksum += checksum_of(stripped)
    return File(path=path, lines=count, text=text, checksum=checksum & MASK)


def dealt(directory: Path, lines: Iterable[bytes], files: int, count: int) -> File:
    """The same lines dealt out to so many files, `count` lines in all."""
    directory.mkdir()
    rest = iter(lines)
    parts = [
        written(directory / f"{number:05d}.log", islice(rest, count * (number + 1) // files - count * number // files))
        for number in range(files)
    ]
    return File(
        path=directory / "*.log",
        lines=sum(part.lines for part in parts),
        text=sum(part.text for part in parts),
        checksum=sum(part.checksum for part in parts) & MASK,
    )


def repeated(path: Path, file: File, times: int) -> File:
    """A file of another's content over and over: as much work, without the time to make it."""
    with path.open("wb") as out:
        for _ in range(times):
            with file.path.open("rb") as part:
                while block := part.read(1 << 20):
                    out.write(block)
    return File(path=path, lines=file.lines * times, text=file.text * times, checksum=file.checksum * times & MASK)


def batches(lines: Iterable[bytes], size: int = 10_000) -> Iterator[list[bytes]]:
    """The lines in lists of up to so many."""
    rest = iter(lines)
    while batch := list(islice(rest, size)):
        yield batch
