"""Every configuration in the documentation passes `shipper check`.

A fence may be a whole file, tables that want a source beside them, or keys of a Docker source. Secrets and certificates
that an example names are made for the test.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest
from tests.docs.pages import PAGES, Fence, fences

from shipper.config.loading import examine_text

SOURCE: Final = '\n[[source]]\nname = "a-source"\ntype = "file"\npaths = ["/logs/*.log"]\n'
DOCKER: Final = '[[source]]\nname = "containers"\ntype = "docker"\n'
_FILES: Final = re.compile(r'((?:password|bearer_token|ca|cert|key)_file\s*=\s*)"[^"]*"')
FENCES: Final = [fence for page in PAGES for fence in fences(page, "toml")]


def _whole(toml: str) -> str:
    tables = tomllib.loads(toml)
    if not tables.keys() & {"loki", "agent", "labels", "source", "pipeline"}:
        return DOCKER + toml
    used = {source.get("pipeline") for source in tables.get("source", ())}
    unused = sorted(tables.get("pipeline", {}).keys() - used)
    users = (f'{SOURCE.replace("a-source", name)}pipeline = "{name}"\n' for name in unused)
    return toml + ("".join(users) if unused or "source" in tables else SOURCE)


@pytest.mark.parametrize("fence", FENCES, ids=lambda fence: fence.place)
def test_an_example_passes_the_check(fence: Fence, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    text = _FILES.sub(rf'\1"{secret}"', _whole(fence.text))
    examined = examine_text(text.encode(), "shipper.toml", {})
    assert [str(problem) for problem in examined.problems] == []
