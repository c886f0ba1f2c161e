"""The command group `galop`.

Exit codes: 0 success, or stopped by a signal; 1 an error of the model, the machine or the database;
2 wrong usage; 130 interrupted.
"""

from __future__ import annotations

import click

from galop import __version__
from galop.cli.groups import LazyGroup

# Imported lazily: `galop serve` starts the engine process before most of its imports.
COMMANDS = {
    "serve": "galop.cli.serve:serve",
    "tune": "galop.cli.tune:tune",
    "bench": "galop.cli.bench:bench",
    "doctor": "galop.cli.doctor:doctor",
    "keys": "galop.cli.keys:keys",
    "usage": "galop.cli.usage:usage",
    "config": "galop.cli.config:config",
    "version": "galop.cli.main:version",
}
"""Name of a command to `module:attribute`, in the order of the help text."""


@click.group(
    cls=LazyGroup,
    sources=COMMANDS,
    name="galop",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="galop %(version)s")
def command_line() -> None:
    """A self-hosted chat completion server: the Groq API of 2024 on your own machine."""


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"galop {__version__}")


def main() -> None:
    """The entry point."""
    command_line(prog_name="galop")
