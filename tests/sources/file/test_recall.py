"""Which file is which known generation, as a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shipper.chunk import Carry, Fingerprint
from shipper.sources.file.fingerprint import agrees, take
from shipper.sources.file.recall import Evidence, Place, claim
from shipper.sources.step import Generation, OpenSpan


def reader(content):
    return lambda offset, size: content[offset : offset + size]


def known(id_, content, *, inode=1, path="/l/app.log", seen_at=None, offset=None, **more):
    offset = len(content) if offset is None else offset
    return Generation(
        id=id_,
        source="src",
        path=path,
        seen_at=seen_at or path,
        device=1,
        inode=inode,
        offset=offset,
        size=len(content),
        changed=0,
        fingerprint=take(reader(content), offset),
        at_eof=True,
        carry=Carry(),
        finished=False,
        **more,
    )


def claims(generations, files):
    """Claimed paths by id; `files`: (path, inode, content)."""
    places = [Place(path, path, (9, inode), 0, len(content)) for path, inode, content in files]
    contents = {path: content for path, _, content in files}

    def agree(_: Generation, place: Place, proof: Evidence) -> bool:
        return agrees(proof.fingerprint, reader(contents[place.path]), proof.end)

    found = claim(generations, lambda _: places, agree)
    return {id_: place.path for id_, place in sorted(found.items())}


LONG = b"".join(b"line %d\n" % number for number in range(1000))
OTHER = b"".join(b"other %d\n" % number for number in range(1000))

TABLE = [
    ("it is where it was", [known(1, LONG)], [("/l/app.log", 1, LONG + b"x")], {1: "/l/app.log"}),
    ("it was renamed", [known(1, LONG)], [("/l/app.log", 2, OTHER), ("/l/app.log.1", 1, LONG)], {1: "/l/app.log.1"}),
    ("it was copied", [known(1, LONG)], [("/l/app.log", 1, OTHER), ("/l/app.log.1", 3, LONG)], {1: "/l/app.log.1"}),
    ("it was restored with another inode", [known(1, LONG)], [("/l/app.log", 7, LONG)], {1: "/l/app.log"}),
    ("the inode was used again", [known(1, LONG)], [("/l/app.log", 1, OTHER)], {}),
    ("it is shorter than what was settled", [known(1, LONG)], [("/l/app.log", 1, LONG[:-1])], {}),
    ("a stranger with the same content elsewhere", [known(1, LONG)], [("/m/web.log", 3, LONG)], {}),
    (
        "the inode is preferred",
        [known(1, LONG)],
        [("/l/app.log", 2, LONG), ("/l/app.log.1", 1, LONG)],
        {1: "/l/app.log.1"},
    ),
    (
        "the path comes before the family",
        [known(1, LONG)],
        [("/l/app.log.1", 2, LONG), ("/l/app.log", 3, LONG)],
        {1: "/l/app.log"},
    ),
    (
        "each file is claimed once, newest first",
        [known(1, LONG, inode=5), known(2, LONG, inode=6)],
        [("/l/app.log.1", 8, LONG), ("/l/app.log", 9, LONG)],
        {1: "/l/app.log.1", 2: "/l/app.log"},
    ),
    ("nothing was read, the inode tells", [known(1, b"", inode=4)], [("/l/app.log", 4, LONG)], {1: "/l/app.log"}),
    ("nothing was read, the path does not", [known(1, b"", inode=4)], [("/l/app.log", 5, LONG)], {}),
]


@pytest.mark.parametrize(("generations", "files", "claimed"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_claim(generations, files, claimed):
    assert claims(generations, files) == claimed


def test_an_open_span_is_evidence_too():
    span = OpenSpan(
        row=1,
        start=0,
        end=len(LONG),
        clock=0,
        after_eof=True,
        hit_eof=True,
        fingerprint=take(reader(LONG), len(LONG)),
        file_changed=0,
        carry=Carry(),
        demoted=(),
        epoch="",
        settled=False,
    )
    generation = replace(known(1, LONG, inode=3, offset=0), open=(span,), fingerprint=Fingerprint())
    assert claims([generation], [("/l/app.log", 3, OTHER), ("/l/app.log.1", 4, LONG)]) == {1: "/l/app.log.1"}
    assert claims([generation], [("/l/app.log", 3, OTHER)]) == {}
