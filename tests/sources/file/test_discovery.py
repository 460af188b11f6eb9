"""Walking globs over real directories."""

from __future__ import annotations

import os
from pathlib import Path

from shipper.sources.file.discovery import Discovery, Problem


def write(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def sweep(root, *patterns, exclude=(), link_roots=()):
    discovery = Discovery([f"{root}/{pattern}" for pattern in patterns], exclude, link_roots)
    return [str(Path(hit.path).relative_to(root)) for hit in discovery.sweep()], discovery.problems


def test_each_file_is_found_once_in_order(tmp_path):
    write(tmp_path, "b.log", "a.log", "a.txt", ".hidden.log", "sub/c.log", "sub/deep/d.log")
    assert sweep(tmp_path, "*.log", "a.*") == (["a.log", "b.log", "a.txt"], [])
    assert sweep(tmp_path, "**/*.log") == (["a.log", "b.log", "sub/c.log", "sub/deep/d.log"], [])
    assert sweep(tmp_path, "{sub,other}/*.log", "*/deep/d.log") == (["sub/c.log", "sub/deep/d.log"], [])


def test_excluded_files_are_not_found(tmp_path):
    write(tmp_path, "a.log", "a.log.gz", "tmp/b.log")
    assert sweep(tmp_path, "**/*", exclude=["*.gz", f"{tmp_path}/tmp/*"]) == (["a.log"], [])


def test_a_missing_directory_is_no_problem(tmp_path):
    assert sweep(tmp_path, "nowhere/*.log", "nowhere/**/x", "gone.log") == ([], [])


def test_a_directory_is_a_problem_only_where_the_pattern_asks_for_a_name(tmp_path):
    (tmp_path / "dir.log").mkdir()
    assert sweep(tmp_path, "*", "**") == ([], [])
    assert sweep(tmp_path, "*.log") == ([], [Problem("not_a_regular_file", str(tmp_path / "dir.log"), "a directory")])


def test_links_are_followed_inside_and_named_outside(tmp_path):
    root = tmp_path / "logs"
    write(root, "real.log", "dir/in.log")
    write(tmp_path, "away/out.log")
    (root / "inside.log").symlink_to("real.log")
    (root / "outside.log").symlink_to("../away/out.log")
    (root / "away").symlink_to("../away")
    (root / "linked").symlink_to("dir")
    away = str(tmp_path / "away")
    assert sweep(root, "*.log") == (
        ["real.log", "inside.log"],
        [Problem("symlink_outside", str(root / "outside.log"), f"it leads to {away}/out.log")],
    )
    assert sweep(root, "*/*.log") == (
        ["dir/in.log", "linked/in.log"],
        [Problem("symlink_outside", str(root / "away"), f"it leads to {away}")],
    )
    assert sweep(root, "*/*.log", link_roots=[away]) == (["dir/in.log", "away/out.log", "linked/in.log"], [])


def test_a_circle_of_links_ends(tmp_path):
    write(tmp_path, "a/app.log")
    (tmp_path / "a" / "back").symlink_to("..")
    (tmp_path / "loop.log").symlink_to("loop.log")
    found, problems = sweep(tmp_path, "**/*.log")
    assert "a/app.log" in found
    assert len(found) < 5
    assert [(problem.name, problem.path) for problem in problems][:1] == [
        ("file_unreadable", str(tmp_path / "loop.log"))
    ]


def test_an_unreadable_directory_is_named(tmp_path, monkeypatch):
    write(tmp_path, "a/app.log", "b/app.log")
    genuine = os.scandir

    def scandir(path):
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return genuine(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert sweep(tmp_path, "*/*.log") == (
        ["b/app.log"],
        [Problem("directory_unreadable", str(tmp_path / "a"), "Permission denied")],
    )


def test_the_watch_plan_names_existing_directories_only(tmp_path):
    (tmp_path / "logs").mkdir()
    patterns = [f"{tmp_path}/logs/*.log", f"{tmp_path}/logs/**/*.txt", f"{tmp_path}/later/x/*.log"]
    assert Discovery(patterns, (), ()).watch_plan() == {tmp_path / "logs": True, tmp_path: False}
    assert Discovery(patterns[:1], (), ()).watch_plan() == {tmp_path / "logs": False}
