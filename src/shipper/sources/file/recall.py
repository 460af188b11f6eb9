"""Which file is which known generation: the matching at start.

Rule 1: content decides: a file is a known generation only if it agrees with it, up to the end of the last span that was
        begun, or else up to the settled offset.
Rule 2: of the files that agree, one with the same inode is preferred, then one at the same path, then a rotated name;
        of the generations that agree with a file, the one of which most was read: files may begin with the same lines.
Rule 3: each file is claimed once. A generation of which nothing was read yet is known by its inode and its family
        alone, the weakest evidence (inodes are used again), and comes last.
Rule 4: one that was gone is known from a copy alone, in a file of another inode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from shipper.chunk import Fingerprint
from shipper.sources.file.fingerprint import of_file
from shipper.sources.file.siblings import is_sibling
from shipper.sources.step import Generation


@dataclass(frozen=True, slots=True)
class Place:
    """A file that may be a known generation."""

    path: str
    target: str
    """Where it is opened."""
    key: tuple[int, int]
    changed: int
    """When it was changed last, ns."""
    size: int

    @property
    def linked(self) -> bool:
        """Whether a symbolic link leads there."""
        return self.target != self.path

    @property
    def sibling_key(self) -> tuple[int, int, int]:
        """Inode, change time (ns) and size: a rotated file that is written to again, or another one, has another."""
        return self.key[1], self.changed, self.size

    @property
    def stranger_key(self) -> tuple[int, str]:
        """Inode and path: a log beside it that is none of its generations stays where it is."""
        return self.key[1], self.path


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a file must agree with: a content up to an offset."""

    end: int
    fingerprint: Fingerprint


def claim(
    known: Sequence[Generation],
    candidates: Callable[[Generation], Iterable[Place]],
    agrees: Callable[[Generation, Place, Evidence], bool],
) -> dict[int, Place]:
    """The place of each generation that was found, by its id."""
    claimed: dict[int, Place] = {}
    taken: set[tuple[int, int]] = set()
    newest_first = sorted(known, key=lambda generation: generation.id, reverse=True)

    def look(fits: Callable[[Generation, Place], bool], evidence: Callable[[Generation], Evidence]) -> None:
        for generation in sorted(newest_first, key=lambda generation: -evidence(generation).end):
            proof = evidence(generation)
            if generation.id in claimed or (proof.end == 0 and fits is not _bare_inode):
                continue
            for place in candidates(generation):
                if place.key not in taken and fits(generation, place) and agrees(generation, place, proof):
                    claimed[generation.id] = place
                    taken.add(place.key)
                    break

    for evidence in (_all, _settled):
        for fits in (_same_inode, _same_path, _same_family):
            look(fits, evidence)
    look(_bare_inode, _settled)
    return claimed


def _all(generation: Generation) -> Evidence:
    """Everything that was read, settled or not."""
    if generation.open:
        return Evidence(generation.open[-1].end, of_file(generation.open[-1].fingerprint))
    return _settled(generation)


def _settled(generation: Generation) -> Evidence:
    """What was settled: the spans after it may be gone."""
    return Evidence(generation.offset, of_file(generation.fingerprint))


def _same_inode(generation: Generation, place: Place) -> bool:
    return place.key[1] == generation.inode and not generation.gone


def _same_path(generation: Generation, place: Place) -> bool:
    return place.path in (generation.path, generation.seen_at) and not _is_where_it_was(generation, place)


def _same_family(generation: Generation, place: Place) -> bool:
    return is_sibling(place.path, generation.path) and not _is_where_it_was(generation, place)


def _is_where_it_was(generation: Generation, place: Place) -> bool:
    """Whether a file has the inode of a generation that was gone from there: what it holds now came later."""
    return generation.gone and place.key[1] == generation.inode


def _bare_inode(generation: Generation, place: Place) -> bool:
    kin = place.path == generation.path
    if generation.size:
        kin = kin or place.path == generation.seen_at or is_sibling(place.path, generation.path)
    bare = generation.offset == 0 and not generation.open and not (generation.finished or generation.gone)
    return bare and kin and place.size >= generation.size and place.key[1] == generation.inode
