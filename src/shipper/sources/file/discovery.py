"""Which files there are: globs walked, links judged.

Rule 1: a link counts only if its target lies under the glob's fixed directory or one of the link roots.
Rule 2: only regular files are found; anything else that a glob names is a problem with a name, the others are found.
Rule 3: a glob that matches nothing yet is no problem, and nor is a file that vanishes while it is looked at.
"""

from __future__ import annotations

# ruff: noqa: PTH114, PTH116, PTH118 - thousands of paths a sweep are joined and split here: os.path takes a tenth of pathlib's time
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shipper.sources.file.globs import ANYWHERE, Excludes, Glob, is_magic, parse
from shipper.sources.file.recall import Place


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file that a glob matches."""

    path: str
    target: str
    """Where it is opened: `path`, or what it links to."""
    info: os.stat_result

    @property
    def key(self) -> tuple[int, int]:
        """Device and inode."""
        return self.info.st_dev, self.info.st_ino

    @property
    def place(self) -> Place:
        """It as a file that may be a known generation."""
        return Place(self.path, self.target, self.key, self.info.st_mtime_ns, self.info.st_size)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a glob names and that cannot be read."""

    name: str
    """A name of the failure catalogue."""
    path: str
    detail: str = ""


class Discovery:
    """Finds the files of one source; problems of the last sweep are in `problems`."""

    def __init__(self, paths: Sequence[str], exclude: Sequence[str], link_roots: Sequence[str]) -> None:
        self.globs: tuple[Glob, ...] = tuple(glob for path in paths for glob in parse(path))
        self.problems: list[Problem] = []
        self._excludes = Excludes(tuple(exclude))
        self._link_roots = tuple(os.path.realpath(root) for root in link_roots)

    def sweep(self) -> list[Found]:
        """Every file there is now, each path once, those that are no links first."""
        self.problems = []
        found: dict[str, Found] = {}
        for glob in self.globs:
            for path, linked in self._walk(glob, glob.directory, 0, False, ()):
                if path not in found and path not in self._excludes:
                    hit = self._inspect(glob, path, linked)
                    if hit is not None:
                        found[path] = hit
        return sorted(found.values(), key=lambda hit: hit.target != hit.path)

    def means(self, path: str) -> bool:
        """Whether a glob means a path, whatever is there."""
        return path not in self._excludes and any(glob.matches(path) for glob in self.globs)

    def inspect(self, path: str, *, linked: bool) -> Found | None:
        """The file at one path, if a glob means it; problems are left to the next sweep.

        `linked`: a directory on the way there may be a link.
        """
        return self.judge(path, linked=linked)[0]

    def judge(self, path: str, *, linked: bool) -> tuple[Found | None, list[Problem]]:
        """The same, with what is wrong with the path; `problems` stay those of the last sweep."""
        for glob in self.globs:
            if glob.matches(path) and path not in self._excludes:
                before, self.problems = self.problems, []
                try:
                    return self._inspect(glob, path, linked), self.problems
                finally:
                    self.problems = before
        return None, []

    def watch_plan(self) -> dict[Path, bool]:
        """Directories in which something may appear, and whether in their subdirectories, too.

        They are the fixed directories, or the nearest parents that exist: these never with their subdirectories.
        """
        plan: dict[Path, bool] = {}
        for glob in self.globs:
            root = Path(glob.directory)
            while not root.is_dir() and root != root.parent:
                root = root.parent
            deep = len(glob.parts) > 1 and root == Path(glob.directory)
            plan[root] = plan.get(root, False) or deep
        return plan

    def _walk(
        self, glob: Glob, directory: str, depth: int, linked: bool, above: tuple[tuple[int, int], ...]
    ) -> Iterator[tuple[str, bool]]:
        """Paths that `glob.parts[depth:]` matches below `directory`, and whether a link was followed to them."""
        part, last = glob.parts[depth], depth == len(glob.parts) - 1
        if part == ANYWHERE and not last:
            yield from self._walk(glob, directory, depth + 1, linked, above)
        if part != ANYWHERE and not is_magic(part) and "\\" not in part:
            path = os.path.join(directory, part)
            if last:
                yield path, linked or os.path.islink(path)
            else:
                yield from self._walk(glob, path, depth + 1, linked or os.path.islink(path), above)
            return
        matcher = glob.matchers[depth]
        for entry in self._entries(directory):
            hit = not entry.name.startswith(".") if matcher is None else matcher.fullmatch(entry.name) is not None
            if not hit:
                continue
            through = linked or entry.is_symlink()
            descend = (not last or part == ANYWHERE) and _is_directory(entry)
            if last and not (descend and part == ANYWHERE):
                yield entry.path, through
            if descend and (not through or self._may_follow(glob, entry.path)):
                key = _key(entry.path)
                if key is not None and key not in above:
                    next_depth = depth if part == ANYWHERE else depth + 1
                    yield from self._walk(glob, entry.path, next_depth, through, (*above, key))

    def _entries(self, directory: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(directory) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            self.problems.append(Problem("directory_unreadable", directory, error.strerror or ""))
            return []

    def _may_follow(self, glob: Glob, path: str) -> bool:
        target = os.path.realpath(path)
        roots = (os.path.realpath(glob.directory), *self._link_roots)
        if any(target == root or target.startswith(root.rstrip("/") + "/") for root in roots):
            return True
        self.problems.append(Problem("symlink_outside", path, f"it leads to {target}"))
        return False

    def _inspect(self, glob: Glob, path: str, linked: bool) -> Found | None:
        try:
            info = os.lstat(path)
            if stat.S_ISLNK(info.st_mode):
                linked = True
                info = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            if os.path.islink(path):
                self.problems.append(Problem("symlink_dangling", path))
            return None
        except OSError as error:
            self.problems.append(Problem("file_unreadable", path, error.strerror or ""))
            return None
        if not stat.S_ISREG(info.st_mode):
            if not (stat.S_ISDIR(info.st_mode) and glob.any_name):
                self.problems.append(Problem("not_a_regular_file", path, _kind(info.st_mode)))
            return None
        if not linked:
            return Found(path, path, info)
        return Found(path, os.path.realpath(path), info) if self._may_follow(glob, path) else None


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _key(path: str) -> tuple[int, int] | None:
    try:
        info = os.stat(path)
    except OSError:
        return None
    return info.st_dev, info.st_ino


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a directory",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a character device",
        stat.S_IFBLK: "a block device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")
