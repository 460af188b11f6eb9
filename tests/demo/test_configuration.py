"""The demonstration's configuration."""

from __future__ import annotations

from pathlib import Path

import msgspec

from shipper.config.loading import load
from shipper.demo.configuration import SERVICES, configuration

ROOT = Path(__file__).parents[2]


def _forms(path: Path) -> list[dict[str, object]]:
    """What each source asks for, but for where its files are."""
    config = load(path, {"HOSTNAME": "here"})
    return [
        {**msgspec.to_builtins(source), "paths": [Path(glob).parts[-2:] for glob in source.paths]}
        for source in config.sources
    ]


def test_it_has_the_sources_of_the_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "shipper.toml"
    path.write_text(configuration(Path('/where ever/"it\'s"'), "http://127.0.0.1:1"))
    assert _forms(path) == _forms(ROOT / "shipper.toml")
    assert tuple(form["name"] for form in _forms(path)) == SERVICES


def test_its_paths_are_in_the_directory_whatever_that_is_called(tmp_path: Path) -> None:
    directory = Path('/where "ever" {logs} \\ is')
    path = tmp_path / "shipper.toml"
    path.write_text(configuration(directory, "http://127.0.0.1:1"))
    config = load(path, {})
    assert config.agent.data_dir == str(directory / "data")
    assert config.sources[0].paths == (f"{directory}/logs/fastapi/*.log{{,.[0-9]}}",)  # type: ignore[union-attr]
