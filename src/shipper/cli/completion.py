"""`shipper completion`: the script that makes a shell complete shipper's command lines.

Rule 1: the script asks `shipper` itself, so it needs no new one when commands change.
"""

from __future__ import annotations

import os
from pathlib import PurePath

import click

from shipper.errors import UsageError

VARIABLE = "_SHIPPER_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", required=False, type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str | None) -> None:
    """Print what completes command lines, sources and paths in SHELL (default: the one in $SHELL).

    \b
    bash  eval "$(shipper completion bash)"    in ~/.bashrc
    zsh   eval "$(shipper completion zsh)"     in ~/.zshrc, behind compinit
    fish  shipper completion fish > ~/.config/fish/completions/shipper.fish
    """
    from click.shell_completion import get_completion_class

    shell = shell or PurePath(os.environ.get("SHELL", "")).name
    maker = get_completion_class(shell)
    if maker is None or shell not in SHELLS:
        raise UsageError(f"$SHELL is {shell!r}, which cannot be completed", hint=f"name one of {', '.join(SHELLS)}")
    click.echo(maker(context.find_root().command, {}, "shipper", VARIABLE).source())
