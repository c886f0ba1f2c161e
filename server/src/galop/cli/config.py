"""`galop config check` and `galop config show`."""

from __future__ import annotations

import click

from galop.cli.groups import OrderedGroup
from galop.cli.options import with_settings
from galop.config.settings import SETTINGS
from galop.config.sources import Configuration


@click.group(cls=OrderedGroup)
def config() -> None:
    """Check or show the settings without serving."""


@config.command(short_help="Check whether `galop serve` would accept these settings.")
@with_settings()
def check(configuration: Configuration) -> None:
    """Check whether `galop serve` would accept these settings: exit code 0, or 2 with the reason."""
    from galop.cli.checks import check_settings
    from galop.config.models import served_model

    check_settings(configuration)
    model = served_model(configuration)
    for warning in configuration.warnings:
        click.echo(f"galop: warning: {warning}", err=True)
    click.echo(f"{configuration.file or 'no file'}: fine; the model is {model.name}")


@config.command()
@with_settings()
def show(configuration: Configuration) -> None:
    """Print every setting with where it comes from, as TOML."""
    click.echo(toml_text(configuration), nl=False)


def toml_text(configuration: Configuration) -> str:
    """The settings as a galop.toml. Settings without a value, and secret ones, are comments."""
    lines = []
    for name, setting in SETTINGS.items():
        value = getattr(configuration.settings, name)
        origin = configuration.origins[name]
        where = origin if origin == "default" else f"{origin} ({configuration.source_of(name)})"
        if value is None:
            lines.append(f"# {name} is not set")
        elif setting.is_secret:
            lines.append(f"# {name} is set and secret; {where}")
        else:
            lines.append(f"{name} = {toml_value(value)}  # {where}")
    return "\n".join(lines) + "\n"


def toml_value(value: object) -> str:
    """A TOML 1.0 value. A JSON string is a TOML string, except that TOML escapes DEL."""
    import json

    if isinstance(value, bool | int | float | str):
        return json.dumps(value).replace("\x7f", "\\u007F")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return toml_value(str(value))
