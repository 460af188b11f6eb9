"""`shipper --dry-run` as it is printed."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
from click.testing import CliRunner, Result

from shipper.cli import main


def _preview(directory: Path, *args: str) -> Result:
    (directory / "app.log").write_text(
        '{"event": "up", "level": "info", "timestamp": "2026-02-02T02:40:00Z"}\n'
        '{"event": "down\\u001b", "level": "error", "timestamp": "2026-02-02T02:40:01.5Z"}\n'
        "\n"
        "plain \x1b[31mtext\n"
    )
    (directory / "shipper.toml").write_text(f"""
        [loki]
        max_age = "0"
        [agent]
        data_dir = "{directory}/data"
        [[source]]
        name = "app"
        type = "file"
        paths = ["{directory}/*.log"]
        filename_label = false
        labels = {{ job = "app" }}
        pipeline = "json"
    """)
    return CliRunner().invoke(main, ["-c", str(directory / "shipper.toml"), "--dry-run", *args])


def test_a_person_sees_files_label_sets_values_samples_and_warnings(tmp_path: Path) -> None:
    result = _preview(tmp_path)
    path, size = tmp_path / "app.log", (tmp_path / "app.log").stat().st_size
    assert result.exit_code == 0
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        f"== app  (pipeline json; {tmp_path}/*.log)",
        "",
        f"  {'file':<{len(str(path))}}  size  looked at  lines",
        f"  {path}  {size:>4}  {size:>9}      4",
        "",
        '  labels of every line: {job="app"}',
        "",
        "  entries  lines  label set, besides these",
        '        1      1  {level="info"}',
        '        1      1  {level="error"}',
        "        1      1  {}",
        "  dropped: blank 1",
        "",
        "  label  values  most frequent (lines)",
        "  level       2  info (1), error (1)",
        "",
        "  sample entries, as Loki would get them:",
        '  2026-02-02T02:40:00Z  {job="app", level="info"}',
        '      {"event": "up", "level": "info", "timestamp": "2026-02-02T02:40:00Z"}',
        '  2026-02-02T02:40:01.5Z  {job="app", level="error"}',
        '      {"event": "down\\u001b", "level": "error", "timestamp": "2026-02-02T02:40:01.5Z"}',
        '  2026-02-02T02:40:01.500000001Z  {job="app"}',
        r"      plain \x1b[31mtext",
        "",
        "  ! 1 of 4 lines are no JSON objects; they are shipped untouched, without level and time of their own; "
        'pipeline = "auto" reads both kinds',
        "",
        "Nothing was sent, nothing was written, no position moved.",
    ]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["app.log", "shipper.toml"]


def test_as_json_it_is_one_document_with_as_many_samples_as_asked_for(tmp_path: Path) -> None:
    (source,) = orjson.loads(_preview(tmp_path, "--lines", "1", "--json").stdout)["sources"]
    assert [json.loads(sample["line"])["event"] for sample in source["samples"]] == ["up"]
    assert (source["source"], source["lines"], source["dropped"]) == ("app", 4, {"blank": 1})
