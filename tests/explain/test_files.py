"""Why a file is or is not shipped, for every reason there is."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from shipper.config.model import FileSource
from shipper.explain import files
from shipper.explain.files import judge
from shipper.explain.nearby import addition, glob_for
from shipper.failures import HINTS


class Case(NamedTuple):
    name: str
    source: dict[str, Any]
    """Of the source; `D` in a glob is the test's directory."""
    path: str
    shipped: bool
    why: str
    """How the reason begins."""
    cure: str = ""


def _link(directory: Path) -> None:
    (directory / "logs" / "link.log").symlink_to(directory / "elsewhere" / "target.log")
    (directory / "logs" / "inner.log").symlink_to(directory / "logs" / "app.log")
    (directory / "logs" / "dangling.log").symlink_to(directory / "nothing")


LOGS = {"paths": ("D/logs/*.log",)}
CASES = (
    Case("a glob means it", LOGS, "logs/app.log", True, "paths 'D/logs/*.log' means it"),
    Case(
        "a relative glob", {"paths": ("logs/*.log",)}, "logs/app.log", True, "paths 'logs/*.log' means it, seen from D"
    ),
    Case("a link inside", LOGS, "logs/inner.log", True, "paths 'D/logs/*.log' means it; it is read at D/logs/app.log"),
    Case(
        "the target of a link",
        {"paths": ("D/logs/link.log",), "link_roots": ("D/elsewhere",)},
        "elsewhere/target.log",
        True,
        "it is read under its other name D/logs/link.log, which paths 'D/logs/link.log' means",
    ),
    Case(
        "excluded",
        LOGS | {"exclude": ("*.gz", "app.*")},
        "logs/app.log",
        False,
        "paths 'D/logs/*.log' means it, but exclude 'app.*' leaves it out",
        "take 'app.*' out of exclude",
    ),
    Case(
        "an excluded generation",
        {"paths": ("D/logs/*",), "exclude": ("*.gz",)},
        "logs/app.log.1.gz",
        False,
        "paths 'D/logs/*' means it, but exclude '*.gz' leaves it out; if it is a rotated generation of app.log",
        "take '*.gz' out",
    ),
    Case(
        "a rotated sibling",
        LOGS,
        "logs/app.log.1",
        False,
        "it may be a rotated generation of app.log, which a glob means",
        'paths = ["D/logs/*.log", "D/logs/*.1"]',
    ),
    Case(
        "a rotated sibling that is excluded",
        {**LOGS, "exclude": ("*.gz",)},
        "logs/app.log.1.gz",
        False,
        "it may be a rotated generation of app.log, which a glob means",
        'paths = ["D/logs/*.log", "D/logs/*.gz"], and take \'*.gz\' out of exclude',
    ),
    Case(
        "a link that leads outside",
        LOGS,
        "logs/link.log",
        False,
        "a glob means it, but symlink_outside: it leads to D/elsewhere/target.log",
        HINTS["symlink_outside"],
    ),
    Case(
        "a link that leads nowhere",
        LOGS,
        "logs/dangling.log",
        False,
        "a glob means it, but symlink_dangling",
        HINTS["symlink_dangling"],
    ),
    Case(
        "no regular file",
        LOGS,
        "logs/fifo.log",
        False,
        "a glob means it, but not_a_regular_file: a FIFO",
        HINTS["not_a_regular_file"],
    ),
    Case(
        "not there yet", LOGS, "logs/new.log", False, "there is no such file now; once there is, paths 'D/logs/*.log'"
    ),
    Case(
        "another name",
        LOGS,
        "logs/app.txt",
        False,
        "'D/logs/*.log' looks in its directory, but not for names like 'app.txt'",
        'paths = ["D/logs/*.log", "D/logs/*.txt"]',
    ),
    Case(
        "a hidden name",
        LOGS,
        "logs/.hidden.log",
        False,
        "'D/logs/*.log' looks in its directory, but not for names like '.hidden.log'; a name that begins with a dot",
        'paths = ["D/logs/*.log", "D/logs/.hidden.log"]',
    ),
    Case(
        "a directory below",
        LOGS,
        "logs/deep/app.log",
        False,
        "'D/logs/*.log' means such names, but not in D/logs/deep: * stands for one directory",
        'paths = ["D/logs/*.log", "D/logs/deep/*.log"]',
    ),
    Case(
        "a level too high",
        {"paths": ("D/logs/*/*.log",)},
        "logs/app.log",
        False,
        "'D/logs/*/*.log' means such names, but not in D/logs",
    ),
    Case(
        "another directory",
        LOGS,
        "elsewhere/target.log",
        False,
        "'D/logs/*.log' means such names, but in D/logs",
        'paths = ["D/logs/*.log", "D/elsewhere/*.log"]',
    ),
    Case(
        "a relative glob from another directory",
        {"paths": ("nowhere/*.log",)},
        "logs/app.log",
        False,
        "'nowhere/*.log' means such names, but in D/nowhere, which does not exist (seen from D)",
    ),
    Case(
        "the nearest of several globs",
        {"paths": ("D/other/*.log", "D/logs/*.{log,out}", "/x/y")},
        "logs/app.txt",
        False,
        "'D/logs/*.{log,out}' looks in its directory",
    ),
    Case(
        "any depth below", {"paths": ("D/logs/**/*.log",)}, "logs/deep/app.txt", False, "'D/logs/**/*.log' looks in its"
    ),
)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with all that is asked about, and the working directory."""
    for name in ("logs/app.log", "logs/app.txt", "logs/.hidden.log", "logs/deep/app.log", "elsewhere/target.log"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{name}\n")
    for name in ("logs/app.log.1", "logs/app.log.1.gz", "logs/deep/app.txt"):
        (tmp_path / name).write_text("old\n")
    os.mkfifo(tmp_path / "logs" / "fifo.log")
    _link(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_reason_is_told_with_its_cure(world: Path, case: Case) -> None:
    def real(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(real, value))
        return value.replace("D/", f"{world}/").replace("from D", f"from {world}")

    source = FileSource(name="app", **{key: real(value) for key, value in case.source.items()})
    verdict = judge(source, str(world / case.path))
    assert (verdict.shipped, verdict.why[: len(real(case.why))]) == (case.shipped, real(case.why))
    assert verdict.cure[: len(real(case.cure))] == real(case.cure)
    assert bool(verdict.cure) is not (case.shipped or case.name == "not there yet")
    assert verdict.near > 0 or case.shipped


def test_permissions_are_told(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(files, "open_content", forbidden)
    source = FileSource(name="app", paths=(f"{world}/logs/*.log",))
    verdict = judge(source, str(world / "logs" / "app.log"))
    assert (verdict.shipped, verdict.cure) == (False, HINTS["file_unreadable"])
    assert verdict.why == "a glob means it, but file_unreadable: Permission denied"


def test_a_source_that_has_nothing_to_do_with_a_path_is_not_near(world: Path) -> None:
    assert judge(FileSource(name="app", paths=("/var/x/*.json",)), str(world / "logs" / "app.log")).near == 0


def test_what_to_write_means_the_file_and_its_kind() -> None:
    assert [glob_for(path) for path in ("/a/b.log", "/a/b", "/a/.b.log")] == ["/a/*.log", "/a/b", "/a/.b.log"]
    assert addition(("x",), '/a/"é".log') == 'paths = ["x", "/a/*.log"]'
