"""`hakiri completion`: the script that teaches a shell our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from appliance.entrypoints.cli.ends import Exit, Stop

SHELLS = ("bash", "zsh", "fish")


@click.command(
    epilog="""\b
Examples:
  hakiri completion bash >> ~/.bashrc
  hakiri completion zsh >> ~/.zshrc
  hakiri completion fish > ~/.config/fish/completions/hakiri.fish"""
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell: commands, options, and the ids of applied pipelines."""
    found = get_completion_class(shell)
    if found is None:
        raise Stop(Exit.USAGE, f"no completion for {shell}")
    click.echo(found(ctx.find_root().command, {}, "hakiri", "_HAKIRI_COMPLETE").source())
