"""What the agent's process leaves out."""

from __future__ import annotations

import subprocess
import sys


def test_importing_the_agent_imports_no_rich_no_web_server_and_no_protobuf() -> None:
    code = (
        "import sys\n"
        "from shipper.cli.lean import without_rich\n"
        "with without_rich():\n"
        "    import structlog, httpx, shipper.agent, shipper.cli.run, shipper.cli.log\n"
        "heavy = {'rich', 'pygments', 'starlette', 'uvicorn', 'google.protobuf', 'httpx._main'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
        "import rich\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
