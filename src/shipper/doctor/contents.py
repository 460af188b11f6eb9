"""Whether the bytes of a file are lines of text: known by its first bytes.

Rule 1: at most `HEAD` bytes of a file are read, through the same opening as the agent's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shipper.config.model import FileSource, ResolvedSource
from shipper.doctor.hop import Finding
from shipper.sources.file.content import Gzip, open_content, reader
from shipper.sources.file.discovery import Discovery, Found
from shipper.sources.file.paths import label

HEAD: Final = 4096
MOST: Final = 200
"""Files looked at."""
_PACKED: Final = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"PK\x03\x04": "zip",
    b"\x04\x22\x4d\x18": "lz4",
}
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


def contents(resolved: ResolvedSource, source: FileSource) -> Iterator[Finding]:
    """What is wrong with the files' bytes, each kind of it once."""
    found = Discovery(source.paths, source.exclude, source.link_roots).sweep()
    latest = sorted(found, key=lambda file: -file.info.st_mtime_ns)[:MOST]
    seen: dict[str, list[str]] = {}
    for file in latest:
        seen.setdefault(_kind(file), []).append(label(file.path))
    for kind, paths in seen.items():
        if kind:
            yield _finding(kind, paths, resolved)


def _kind(file: Found) -> str:
    """gzip, another packing, utf-16, or "" for what may be text."""
    try:
        content = open_content(file.target)
    except OSError:
        return ""  # that it cannot be read is told by who reads it
    try:
        head = reader(content)(0, HEAD)
        return "gzip" if isinstance(content, Gzip) else kind_of(head)
    except OSError:
        return ""
    finally:
        content.close()


def kind_of(head: bytes) -> str:
    """What a file that begins so is, if it is no text in an encoding that contains ASCII."""
    packed = next((name for magic, name in _PACKED.items() if head.startswith(magic)), "")
    if packed:
        return packed
    return "utf-16" if head.startswith(_UTF_16) or _every_other_is_zero(head) else ""


def _every_other_is_zero(head: bytes) -> bool:
    """Latin text in UTF-16; a hole of zeros, as a truncated file may begin with, is none."""
    few, many = sorted((head[0::2].count(0), head[1::2].count(0)))
    return many * 4 > len(head) and few * 20 < len(head)


def _finding(kind: str, paths: list[str], resolved: ResolvedSource) -> Finding:
    which = paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    suffix = paths[0].rpartition(".")[2]
    if kind == "gzip":
        cure = f'if they are copies of what is shipped anyway: exclude = ["*.{suffix}"]'
        return Finding(what=f"{which}: compressed (gzip); its lines are shipped, decompressed", cure=cure)
    if kind == "utf-16":
        what = f"{which}: UTF-16, and the source reads {resolved.encoding}: no line of it makes sense"
        cure = f"have the service write UTF-8, or convert it first: iconv -f UTF-16 -t UTF-8 {which}"
        return Finding(what=what, cure=cure, broken=True)
    what = f"{which}: compressed ({kind}), which is read as if it were text"
    return Finding(what=what, cure=f'exclude = ["*.{suffix}"] in the source', broken=True)
