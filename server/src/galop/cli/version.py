"""`galop version`."""

from __future__ import annotations

import click

from galop import __version__


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"galop {__version__}")
