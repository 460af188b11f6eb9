"""What somebody may have meant with a glob that matches nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipper.preview.nearest import nearest_names


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("mlflow/mlflow.log", ["mlflow/mlflow_20260204_034407.log", "mlflow/mlflow_20260210_090012.log"]),
        ("mlfow/*.log", ["mlflow"]),
        ("mlflow/*.txt", []),
        ("nothing/like/it/*.log", []),
        ("{vllm,nowhere}/model1.log", ["vllm/model1_20260127.log"]),
    ],
)
def test_the_nearest_names_are_those_that_exist(tmp_path: Path, pattern: str, names: list[str]) -> None:
    for name in (
        "mlflow/mlflow_20260204_034407.log",
        "mlflow/mlflow_20260210_090012.log",
        "mlflow/.hidden.log",
        "vllm/model1_20260127.log",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert nearest_names(str(tmp_path / pattern)) == [str(tmp_path / name) for name in names]
