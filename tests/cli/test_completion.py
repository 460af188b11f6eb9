"""Shells complete commands, options, sources and paths, quickly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from shipper.cli import COMMANDS, main
from shipper.cli.completion import SHELLS, VARIABLE

if TYPE_CHECKING:
    from conftest import Place


def _completed(line: str) -> list[str]:
    """What a shell would offer for the last word of a line; a word for the kind where the shell itself looks."""
    *words, last = line.split(" ")
    found = ShellComplete(main, {}, "shipper", VARIABLE).get_completions(words, last)
    return [item.value if item.type == "plain" else item.type for item in found]


CASES = {
    "": list(COMMANDS),
    "pos": ["positions"],
    "positions re": ["rename", "reset"],
    "--o": ["--once"],
    "--once --dr": ["--dry-run"],
    "--ver": ["--version"],
    "-c x.toml che": ["check"],
    "-c ": ["file"],
    "check --conf": ["--config"],
    "explain lo": ["file"],
    "devloki --as ": ["3.4", "2.9"],
    "completion ": list(SHELLS),
    "nonsense ": list(COMMANDS),
}


@pytest.mark.parametrize("line", CASES)
def test_what_may_come_next_is_offered(line: str) -> None:
    assert sorted(_completed(line)) == sorted(CASES[line])


def test_sources_are_those_of_the_configuration_that_is_meant(place: Place) -> None:
    config = place.root / "shipper.toml"
    config.write_text(config.read_text() + '\n[[source]]\nname = "api"\n[[source]]\nname = 3\n')
    for line in ("positions reset ", "positions list ", "explain x --source ", "dead-letters list --source "):
        assert _completed(f"-c {config} {line}") == ["app", "api"]
    assert _completed(f"explain -c {config} --source ap") == ["app", "api"]
    assert _completed(f"explain -c {config} --source api") == ["api"]


@pytest.mark.parametrize("text", [None, "no toml", "source = 3", "[source]\nname = 'a'", "source = [1]"])
def test_a_configuration_that_cannot_be_read_offers_nothing(tmp_path: Path, text: str | None) -> None:
    config = tmp_path / "shipper.toml"
    if text is not None:
        config.write_text(text)
    assert _completed(f"-c {config} positions reset ") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gets_its_script_and_the_one_in_use_by_itself(shell: str) -> None:
    named = CliRunner().invoke(main, ["completion", shell])
    assert (named.exit_code, f"{VARIABLE}={shell}_complete" in named.stdout) == (0, True)
    assert CliRunner().invoke(main, ["completion"], env={"SHELL": f"/usr/bin/{shell}"}).stdout == named.stdout


def test_a_shell_that_is_not_known_is_told() -> None:
    result = CliRunner().invoke(main, ["completion"], env={"SHELL": "/bin/sh"})
    assert (result.exit_code, result.stderr) == (
        2,
        "error: $SHELL is 'sh', which cannot be completed\nhint: name one of bash, zsh, fish\n",
    )


def test_bash_completes_a_line_with_it(place: Place) -> None:
    script = (
        'eval "$(shipper completion bash)"; COMP_WORDS=(shipper -c "$1" positions reset a); COMP_CWORD=5; '
        '_shipper_completion shipper; echo "${COMPREPLY[@]}"'
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        ["bash", "-c", script, "bash", str(place.root / "shipper.toml")],
        capture_output=True,
        env={**os.environ, "PATH": path},
        timeout=60,
        check=False,
    )
    assert (run.stdout, run.stderr) == (b"app\n", b"")


def test_completing_a_source_imports_neither_the_configuration_nor_the_agent(place: Place) -> None:
    code = (
        "import sys; from click.shell_completion import ShellComplete; from shipper.cli import main; "
        f"found = ShellComplete(main, {{}}, 'shipper', '{VARIABLE}').get_completions(sys.argv[1:], ''); "
        "print([item.value for item in found], [name for name in ('re2', 'httpx', 'shipper.config.model', "
        "'shipper.agent') if name in sys.modules])"
    )
    words = ("-c", str(place.root / "shipper.toml"), "explain", "x", "--source")
    run = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, timeout=60, check=True)
    assert run.stdout == b"['app'] []\n"


def test_the_version_says_what_runs() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.stdout.startswith("shipper 0.")
    assert result.stdout.endswith(f" (Python {sys.version.split()[0]})\n")
