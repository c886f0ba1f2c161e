"""`galop config check` and `galop config show`."""

from __future__ import annotations

import typer

from galop.cli.options import with_settings, wrong_usage
from galop.config.settings import SETTINGS, SettingError
from galop.config.sources import Configuration
from galop.library.embedded import EmbeddedModelMissingError

application = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Look at the settings without serving."
)


def check(configuration: Configuration) -> None:
    """Say whether `galop serve` would accept these settings: exit code 0, or 2 and why not."""
    from galop.app.checks import check_settings
    from galop.config.models import served_model

    try:
        check_settings(configuration)
        model = served_model(configuration)
    except SettingError as error:
        raise wrong_usage(error) from None
    except EmbeddedModelMissingError as error:
        typer.echo(f"galop: {error}", err=True)
        raise typer.Exit(1) from None
    for warning in configuration.warnings:
        typer.echo(f"galop: warning: {warning}", err=True)
    typer.echo(f"{configuration.file or 'no file'}: fine; the model is {model.name}")


def show(configuration: Configuration) -> None:
    """Print every setting with where it comes from, as TOML."""
    typer.echo(toml_text(configuration), nl=False)


def toml_text(configuration: Configuration) -> str:
    """What galop.toml would have to say; settings that nobody gave a value are comments."""
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
    """A TOML 1.0 value. JSON's strings are TOML's, but for DEL."""
    import json

    if isinstance(value, bool | int | float | str):
        return json.dumps(value).replace("\x7f", "\\u007F")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return toml_value(str(value))


application.command("check")(with_settings(check))
application.command("show")(with_settings(show))
