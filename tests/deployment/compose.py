"""Projects as Docker Compose's own loader reads them from the repository's files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.deployment.checkers import ROOT, checker


class Compose:
    """A copy of the repository's compose files, and their .env."""

    def __init__(self, root: Path) -> None:
        self._loader = checker("compose-go")
        self._docker = root / "docker"
        shutil.copytree(ROOT / "docker", self._docker)
        self.root = root

    def load(self, file: str = "docker-compose.yml", settings: str = "") -> Any:
        """The project that a file describes; `settings` is what .env says."""
        self._docker.joinpath(".env").write_text(settings)
        # The loader's own command reads .env for included files alone.
        self._docker.joinpath("including.yml").write_text(f"name: docker\ninclude: [{file}]\n")
        done = subprocess.run(
            [self._loader, "-format", "json", "including.yml"],
            cwd=self._docker,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "level=warning" not in done.stderr
        return json.loads(done.stdout)
