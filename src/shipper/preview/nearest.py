"""The names somebody may have meant with a glob that matches nothing."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path

from shipper.sources.file.globs import Glob, parse
from shipper.sources.file.paths import label

MOST = 3
LIKENESS = 0.5
"""Below this two names have nothing to do with each other."""
SAME_SUFFIX = 0.25
"""What an equal suffix adds: `vllm.log` is missed where `model1_20260127.log` is."""
LOOKED_AT = 10_000


def nearest_names(pattern: str) -> list[str]:
    """The few existing paths most like `pattern`, the most alike first; lists one directory for each glob in it."""
    found = {path: likeness for glob in parse(pattern) for path, likeness in _near(glob).items()}
    return sorted(found, key=lambda path: (-found[path], path))[:MOST]


def _near(glob: Glob) -> dict[str, float]:
    """Names beside the first part that is not there, and how alike they are."""
    directory, wanted = Path(glob.directory), glob.parts[-1]
    while not directory.is_dir() and directory != directory.parent:
        directory, wanted = directory.parent, directory.name
    names = {entry: _likeness(wanted, entry.name) for entry in _listed(directory)}
    return {label(str(entry)): likeness for entry, likeness in names.items() if likeness >= LIKENESS}


def _likeness(wanted: str, name: str) -> float:
    plain = wanted.replace("*", "")
    same = bool(Path(plain).suffix) and Path(plain).suffix == Path(name).suffix
    return SequenceMatcher(None, plain.casefold(), name.casefold()).ratio() + SAME_SUFFIX * same


def _listed(directory: Path) -> list[Path]:
    try:
        return [entry for entry in islice(directory.iterdir(), LOOKED_AT) if not entry.name.startswith(".")]
    except OSError:
        return []
