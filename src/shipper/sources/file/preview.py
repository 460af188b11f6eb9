"""A look at the first lines of each file, for a preview: reads, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable

from shipper.chunk import Chunk, Lane, Origin, Span
from shipper.clock import Clock
from shipper.config import model
from shipper.sources.file import fingerprint as identity
from shipper.sources.file.content import open_content, reader
from shipper.sources.file.discovery import Discovery
from shipper.sources.file.paths import label
from shipper.sources.framing import Framed, Framer, chunk_of, empty, join, split

PIECE = 64 * 1024
MOST = 1024 * 1024
"""Bytes looked at in one file; lines that are not complete by then are left out."""


def look(
    resolved: model.ResolvedSource, config: model.FileSource, lines: int, *, clock: Clock | None = None
) -> list[tuple[str, Chunk]]:
    """The path of each file that the source matches, and up to `lines` first lines; none if it cannot be read."""
    clock = clock or Clock()
    found = Discovery(config.paths, config.exclude, config.link_roots).sweep()
    targets = {hit.key: hit for hit in reversed(found)}
    hits = sorted(targets.values(), key=lambda hit: hit.path)
    return [(label(hit.path), _chunk(resolved, hit.path, hit.target, lines, clock)) for hit in hits]


def _chunk(resolved: model.ResolvedSource, path: str, target: str, lines: int, clock: Clock) -> Chunk:
    framed, fingerprint = empty(), identity.fingerprint(b"", b"")
    try:
        content = open_content(target)
    except OSError:
        # What is wrong with it is a failure of the source; a preview shows what there is to see.
        content = None
    if content is not None:
        framed = _first_lines(resolved, reader(content), lines)
        fingerprint = identity.take(reader(content), framed.size)
        content.close()
    origin = Origin(source=resolved.name, generation=0, path=label(path))
    span = Span(
        origin=origin,
        start=0,
        end=framed.size,
        clock=clock.reserve(len(framed.lines)),
        after_eof=True,
        hit_eof=False,
        fingerprint=fingerprint,
    )
    return chunk_of(framed, span, Lane(resolved.name, path))


def _first_lines(resolved: model.ResolvedSource, read: Callable[[int, int], bytes], lines: int) -> Framed:
    framer = Framer(resolved.max_line_bytes, resolved.encoding)
    framed, at = empty(), 0
    while len(framed.lines) < lines and at < MOST:
        data = read(at, PIECE)
        if not data:
            break
        at += len(data)
        framed = join(framed, framer.feed(data))
    return split(framed, lines)[0]
