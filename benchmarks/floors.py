"""What the work costs at the least, in one Python process: the measure for the agent's own cost.

P: splitting the bytes at newlines and compressing them with snappy, in pieces of 1 MiB. J: P, and `orjson.loads` of
each line. CPU seconds without reading the file, the best of several rounds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import snappy

PIECE = 1 << 20


def pieces(path: Path) -> Iterator[bytes]:
    """The file in pieces of about 1 MiB that end with a newline."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece + file.readline()


def split_and_compress(piece: bytes) -> None:
    """Floor P."""
    piece.split(b"\n")
    snappy.compress(piece)


def parse_too(piece: bytes) -> None:
    """Floor J; a last empty string is no line."""
    lines = piece.split(b"\n")
    del lines[-1]
    list(map(orjson.loads, lines))
    snappy.compress(piece)


def cpu_seconds(path: Path, work: Callable[[bytes], None]) -> float:
    """CPU seconds of `work` over all pieces of a file."""
    spent = 0
    for piece in pieces(path):
        before = time.process_time_ns()
        work(piece)
        spent += time.process_time_ns() - before
    return spent / 1e9


def main() -> None:
    """`python -m benchmarks.floors P|J FILE ROUNDS`: print the best of so many rounds."""
    kind, name, rounds = sys.argv[1:]
    work = {"P": split_and_compress, "J": parse_too}[kind]
    print(min(cpu_seconds(Path(name), work) for _ in range(int(rounds))))


if __name__ == "__main__":
    main()
