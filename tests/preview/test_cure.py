"""What the preview proposes, copied into a configuration and tried."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from shipper.clock import Clock
from shipper.config.loading import load
from shipper.config.resolve import resolve
from shipper.preview.cure import cure
from shipper.preview.survey import Survey, survey

NOW = 1_770_000_000_000_000_000
OTHER = {"msg": "hello", "severity": "WARN", "ts": 1_769_999_941}
USUAL = {"event": "done", "level": "info", "timestamp": "2026-02-02T02:39:02Z"}
TEXT = "INFO 02-02 02:39:03 [core.py:875] ready"


def _survey(directory: Path, pipeline: str, more: str, *lines: object, name: str = "app") -> tuple[Survey, str]:
    """What is found with this configuration, and the cure."""
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    (directory / "app.log").write_text("".join(f"{text}\n" for text in texts))
    (directory / "shipper.toml").write_text(
        f'[[source]]\nname = {json.dumps(name)}\ntype = "file"\npaths = ["{directory}/*.log"]\nfilename_label = false\n'
        f'labels = {{ job = "app" }}\npipeline = {json.dumps(pipeline)}\n{more}\n'
    )
    config = load(directory / "shipper.toml", os.environ)
    (source,) = config.sources
    resolved = resolve(config, source)
    found = survey(resolved, source, Clock(lambda: NOW), 5)  # type: ignore[arg-type]
    return found, cure(resolved, found.unread)


def test_a_built_in_pipeline_is_written_out_under_a_name_of_its_own(tmp_path: Path) -> None:
    _, told = _survey(tmp_path, "json", "", OTHER, USUAL)
    assert told == "\n".join(
        [
            'to read them, add this, and give the source pipeline = "app"',
            "[[pipeline.app]]",
            'stage = "json"',
            'message = ["event", "message", "msg"]',
            "[[pipeline.app]]",
            'stage = "timestamp"',
            'from = "ts"',
            "[[pipeline.app]]",
            'stage = "labels"',
            'from = { level = "severity" }',
            "[[pipeline.app]]",
            'stage = "timestamp"',
            'from = "timestamp"',
            "[[pipeline.app]]",
            'stage = "labels"',
            'from = { level = "level" }',
        ]
    )


@pytest.mark.parametrize("name", ["app", "our app", "json", 'say "hi"'])
@pytest.mark.parametrize(("pipeline", "lines"), [("json", [OTHER, USUAL]), ("auto", [OTHER, TEXT, USUAL])])
def test_the_cure_of_a_built_in_pipeline_can_be_copied_and_cures(
    tmp_path: Path, name: str, pipeline: str, lines: list[Any]
) -> None:
    _, told = _survey(tmp_path, pipeline, "", *lines, name=name)
    sentence, tables = told.split("\n", 1)
    chosen = sentence.rpartition("pipeline = ")[2]
    found, told = _survey(tmp_path, json.loads(chosen), tables, *lines, name=name)
    assert told == ""
    assert [(sample.timestamp // 10**9 - 1_769_999_940, sample.labels) for sample in found.samples] == [
        (1, '{job="app", level="warning"}'),
        (2, '{job="app", level="info"}'),
        *([(3, '{job="app", level="info"}')] if TEXT in lines else []),
    ]


def test_a_pipeline_of_the_configuration_is_told_what_it_lacks(tmp_path: Path) -> None:
    own = """
        [[pipeline.mine]]
        stage = "json"
        [[pipeline.mine]]
        stage = "timestamp"
        [[pipeline.mine]]
        stage = "labels"
        from = ["level"]
    """
    _, told = _survey(tmp_path, "mine", own, OTHER)
    assert told == "\n".join(
        [
            'to read them, write message = ["event", "message", "msg"] in the json stage of pipeline \'mine\', and put '
            "this behind the json stage of pipeline 'mine'",
            "[[pipeline.mine]]",
            'stage = "timestamp"',
            'from = "ts"',
            "[[pipeline.mine]]",
            'stage = "labels"',
            'from = { level = "severity" }',
        ]
    )
    assert _survey(tmp_path, "mine", own, {"msg": "only", **USUAL, "event": ""})[1] == (
        'to read them, write message = ["event", "message", "msg"] in the json stage of pipeline \'mine\''
    )
