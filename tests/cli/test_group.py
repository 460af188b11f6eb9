"""The command line's shell: which command is meant, and how each end looks from outside."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from shipper.cli.group import command_position, exit_code
from shipper.errors import ConfigError, JournalLocked, ShipperError, UsageError


@pytest.mark.parametrize(
    ("args", "position"),
    [
        ([], 0),
        (["check"], 0),
        (["--once"], 0),
        (["-c", "x.toml"], 2),
        (["-c", "x.toml", "check"], 2),
        (["--config=x.toml", "--dry-run", "--lines", "5"], 1),
        (["-cx.toml", "positions", "list"], 1),
        (["-c"], 1),
        (["--help"], None),
        (["-c", "x.toml", "--version"], None),
        (["run", "--help"], 0),
    ],
)
def test_the_command_is_the_first_word_that_is_no_option_of_the_group(args: list[str], position: int | None) -> None:
    assert command_position(args) == position


def _raising(error: BaseException) -> Callable[[], object]:
    def call() -> object:
        raise error

    return call


@pytest.mark.parametrize(
    ("call", "code", "told"),
    [
        (lambda: None, 0, ""),
        (lambda: 1, 1, ""),
        (_raising(ShipperError("it broke", hint="mend it")), 1, "error: it broke\nhint: mend it\n"),
        (_raising(JournalLocked("another runs", hint="stop it")), 1, "error: another runs\nhint: stop it\n"),
        (_raising(UsageError("not so", hint="but so")), 2, "error: not so\nhint: but so\n"),
        (
            _raising(ConfigError("x.toml has 2 mistakes", problems=("x.toml:1: a", "x.toml:2: b"), hint="read it")),
            2,
            "error: x.toml has 2 mistakes\n  x.toml:1: a\n  x.toml:2: b\nhint: read it\n",
        ),
        (_raising(click.UsageError("no such option")), 2, "error: no such option\n"),
        (_raising(click.exceptions.Exit(2)), 2, ""),
        (_raising(KeyboardInterrupt()), 130, ""),
        (_raising(click.Abort()), 130, ""),
        (
            _raising(OSError(errno.ENOSPC, "No space left on device", "/data")),
            1,
            "error: No space left on device (/data)\n",
        ),
    ],
)
def test_every_end_has_its_exit_code_and_its_words(
    call: Callable[[], object], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (exit_code(call), capsys.readouterr().err) == (code, told)


def _shipper(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "shipper", *args], capture_output=True, text=True, check=False)


def test_a_wrong_command_is_told_the_nearest_right_one() -> None:
    ended = _shipper("chek")
    told = "error: no command 'chek'; did you mean 'check'?\nhint: see `shipper --help`\n"
    assert (ended.returncode, ended.stderr) == (2, told)


def test_a_missing_configuration_is_told_for_every_way_to_write_the_command() -> None:
    ways = [("--once", "-c", "/none.toml"), ("-c", "/none.toml", "run", "--once"), ("-c/none.toml", "--dry-run")]
    ended = [_shipper(*way) for way in ways]
    assert [end.returncode for end in ended] == [2, 2, 2]
    assert len({end.stderr for end in ended}) == 1
    told = "error: /none.toml: cannot be read: No such file or directory\n"
    assert ended[0].stderr == f"{told}hint: create it, or name another one with --config\n"


def test_a_directory_is_no_configuration() -> None:
    ended = _shipper("-c", "/tmp", "check")
    told = "error: /tmp: cannot be read: Is a directory\nhint: name another one with --config\n"
    assert (ended.returncode, ended.stderr) == (2, told)


@pytest.mark.parametrize(
    ("args", "right"),
    [
        (["--json", "check"], "shipper check --json"),
        (["-c", "check", "--json", "positions", "list"], "shipper positions --json list"),
        (["--once", "-c", "run", "check"], "shipper check --once -c run"),
    ],
)
def test_options_of_a_command_that_stand_before_it_are_put_right(args: list[str], right: str) -> None:
    ended = _shipper(*args)
    assert (ended.returncode, ended.stderr.splitlines()[1]) == (2, f"hint: write `{right}`")


def test_a_reader_that_goes_away_needs_no_words() -> None:
    command = f"{sys.executable} -m shipper --help | true; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_the_list_of_commands_imports_none_of_them_and_nothing_heavy() -> None:
    code = (
        "import sys, shipper.cli\n"
        "try: shipper.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'rich', 'starlette', 'uvicorn', 'google.protobuf', 'httpx', 'structlog', 'shipper.cli.run'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
