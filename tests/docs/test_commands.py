"""Every command line of `shipper` in the documentation is one: commands, options and arguments as click parses them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Final

import click
import pytest
from tests.docs.pages import PAGES, ROOT, fences, prose

from shipper.cli import main

_INLINE: Final = re.compile(r"`([^`\n]+)`")
_COMMAND: Final = re.compile(r"(?:^|(?<=[;&|(] )|(?<=docker exec mlops-shipper ))shipper(?![\w.:-])(?: +[^;&|>)\n]*)?")
_END: Final = re.compile(r"\s+#.*|\s+…$|\s*>.*$")
_OPTIONAL: Final = re.compile(r"\[([^\]]*)\]")
NUMBER: Final = re.compile(r"\bN\b")
GENERAL: Final = "shipper COMMAND"


def _lines() -> Iterator[tuple[str, str]]:
    """Where, and a line that may hold commands."""
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        for fence in fences(page):
            if fence.language in ("", "sh"):
                yield from ((name, line) for line in fence.text.splitlines())
        yield from ((name, match[1]) for match in _INLINE.finditer(prose(page)))
        yield from ((name, line[4:]) for line in prose(page).splitlines() if line.startswith("    shipper "))


def _commands() -> list[tuple[str, str]]:
    found = set()
    for name, line in _lines():
        for match in _COMMAND.finditer(line.replace('"$(', " ; ( ").removeprefix("eval ").strip()):
            text = _END.sub("", match[0]).strip(' "')
            text = " ".join(NUMBER.sub("1", _OPTIONAL.sub("", text)).split())
            if text != GENERAL:
                found.add((name, text))
    return sorted(found)


def _parse(words: list[str]) -> None:
    """Follow the words down to a command and parse its options; raises click's UsageError."""
    command: click.Command = main
    context = click.Context(main, info_name="shipper", resilient_parsing=False)
    while True:
        if not isinstance(command, click.Group):
            command.make_context(command.name, list(words), parent=context, ignore_unknown_options=False)
            return
        options = [word for word in words if word in ("-c", "--config")]
        if options:
            at = words.index(options[0])
            words = words[:at] + words[at + 2 :]
        if not words or words[0].startswith("-"):
            name = "run" if command is main else None
            if words[:1] == ["--version"] or name is None:
                return
        else:
            name, words = words[0], words[1:]
        inner = command.get_command(context, name)
        if inner is None:
            raise click.UsageError(f"no command {name}")
        context = click.Context(inner, info_name=name, parent=context)
        command = inner


@pytest.mark.parametrize(("page", "text"), _commands())
def test_a_command_line_exists(page, text):
    _parse(shlex.split(text)[1:])


def test_what_does_not_exist_is_noticed():
    for text in ("shipper chekc", "shipper --onec", "shipper positions forget app", "shipper explain a.log --linex 1"):
        with pytest.raises(click.UsageError):
            _parse(shlex.split(text)[1:])


def _described() -> list[tuple[str, str]]:
    """Command and option of each row of the tables in docs/commands.md."""
    found = []
    for part in (ROOT / "docs/commands.md").read_text().split("\n## shipper ")[1:]:
        name = part.splitlines()[0].split()[0].strip("-").replace("dry-run", "run")
        found += [(name, option) for option in re.findall(r"^\| `(--[\w-]+)", part, re.MULTILINE)]
    return found


@pytest.mark.parametrize(("name", "option"), _described())
def test_a_described_option_exists(name, option):
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert option in {text for parameter in command.params for text in parameter.opts}


def test_every_command_is_in_the_reference_and_in_the_readme():
    named = " ".join(text for page, text in _commands() if page in ("docs/commands.md", "README.md"))
    assert [name for name in main.commands if name not in named.split()] == []
