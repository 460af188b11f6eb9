"""The command group: finds commands by name, imports one when it is called, and turns errors into words and exit codes.

Rule 1: listing the commands imports none of them.
Rule 2: the first word that is no option of the group names the command; if it is an option, or nothing is left,
the default command is meant.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from shipper.cli.lean import without_rich
from shipper.errors import ConfigError, ShipperError, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130

GROUP_FLAGS = frozenset({"-h", "--help", "--version"})


class CommandGroup(click.Group):
    """Commands given as `name: ("module:attribute", "one line of help")`."""

    def __init__(
        self, *args: Any, commands_at: Mapping[str, tuple[str, str]] | None = None, default: str = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._commands_at = dict(commands_at or {})
        self._default = default

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order of the table."""
        return list(self._commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        if cmd_name not in self._commands_at:
            return None
        module, _, attribute = self._commands_at[cmd_name][0].partition(":")
        with without_rich():
            command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._commands_at.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands from the table, options of the group, and those of the default command, which needs no name."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=line) for name, (_, line) in self._commands_at.items()]
        found = [item for item in found if item.value.startswith(incomplete)]
        found += click.Command.shell_complete(self, ctx, incomplete)
        default = self.get_command(ctx, self._default) if incomplete.startswith("-") else None
        if default is not None:
            inner = click.Context(default, parent=ctx, info_name=self._default, resilient_parsing=True)
            found += default.shell_complete(inner, incomplete)
        return list({item.value: item for item in found}.values())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert the default command where none is named; a wrong name is told the nearest right one."""
        at = command_position(args)
        if ctx.resilient_parsing:  # a line that is being completed: what is not there may come yet
            options_first = at is not None and at < len(args) and args[at].startswith("-")
            return super().parse_args(ctx, [*args[:at], self._default, *args[at:]] if options_first else args)
        if at is not None and at < len(args) and not args[at].startswith("-") and args[at] not in self._commands_at:
            ctx.fail(f"no command {args[at]!r}{_nearest(args[at], self._commands_at)}")
        if at is not None and (at == len(args) or args[at].startswith("-")):
            self._refuse_options_before_a_command(args[at:])
            args = [*args[:at], self._default, *args[at:]]
        return super().parse_args(ctx, args)

    def _refuse_options_before_a_command(self, rest: Sequence[str]) -> None:
        """Only `-c` may stand there: `--json check` would call the default command with a word it does not take."""
        values = {at + 1 for at, word in enumerate(rest) if word in ("-c", "--config")}
        named = [at for at, word in enumerate(rest) if word in self._commands_at and at not in values]
        if named:
            at = named[0]
            right = " ".join(["shipper", rest[at], *rest[:at], *rest[at + 1 :]])
            raise UsageError(f"options of {rest[at]!r} stand before it", hint=f"write `{right}`")

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; exits the process unless `standalone_mode` is off."""

        run = partial(super().main, args, prog_name or "shipper", complete_var, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        raise SystemExit(exit_code(run))


def command_position(args: Sequence[str]) -> int | None:
    """Where the command stands in `args` (its length: nowhere); None: the group is asked for its help or version."""
    at = 0
    while at < len(args):
        word = args[at]
        if word in GROUP_FLAGS:
            return None
        if word in ("-c", "--config"):
            at += 2
        elif word.startswith(("--config=", "-c")):
            at += 1
        else:
            return at
    return min(at, len(args))


def _nearest(name: str, names: Iterable[str]) -> str:
    nearest = get_close_matches(name, names, n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else f"; there are {', '.join(names)}"


def exit_code(call: Callable[[], object]) -> int:
    """The exit code of `call`, with what went wrong told on stderr."""
    try:
        code = call()
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        _tell_usage(error)
        return error.exit_code
    except ShipperError as error:
        tell(error)
        return WRONG_USAGE if isinstance(error, ConfigError | UsageError) else FAILED
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except OSError as error:
        return _os_error(error)


def _tell_usage(error: click.ClickException) -> None:
    """What was called wrongly, in the form of all other errors."""
    click.echo(f"error: {error.format_message()}", err=True)
    context = getattr(error, "ctx", None)
    if context is not None:
        click.echo(f"hint: see `{context.command_path} --help`", err=True)


def _os_error(error: OSError) -> int:
    """A reader that went away (`shipper … | head`) needs no words; anything else is told."""
    if isinstance(error, BrokenPipeError) or error.errno == errno.EPIPE:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FAILED
    where = f" ({error.filename})" if error.filename else ""
    click.echo(f"error: {error.strerror or error}{where}", err=True)
    if isinstance(error, PermissionError):
        click.echo("hint: run this as the user the agent runs as, or mend the permissions of that path", err=True)
    return FAILED


def tell(error: ShipperError) -> None:
    """Say what went wrong and what to do about it, on stderr."""
    problems = error.problems if isinstance(error, ConfigError) else ()
    click.echo(f"error: {error.message}", err=True)
    for problem in problems:
        click.echo(f"  {problem}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)
