"""The table of settings as options of a command.

`@with_settings()` adds `--config` and one option per setting to a command, which takes a `Configuration`.
A wrong setting ends the program with exit code 2 and one message that names the flag, the variable or the
key of the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import click

from galop.cli.errors import reported_errors
from galop.config.settings import SETTINGS, Setting
from galop.config.sources import FILE_VARIABLE, configure

Callback = Callable[..., None]
"""What click calls with one keyword argument per parameter of the command."""

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read settings from this file. Left out: galop.toml in the working directory, if there "
    f"is one. [env: {FILE_VARIABLE}]",
)


def with_settings(
    names: Iterable[str] = tuple(SETTINGS), *, descriptions: Mapping[str, str] | None = None
) -> Callable[[Callback], Callback]:
    """Decorates a command, whose first argument becomes the `Configuration` of these settings.

    `descriptions`: help texts that replace those of the table. The other arguments of the command come
    from the decorators above this one.
    """
    settings = [SETTINGS[name] for name in names]
    descriptions = descriptions or {}

    def decorate(command: Callback) -> Callback:
        @wraps(command)
        def run(config: Path | None, **values: object) -> None:
            flags = {setting.name: _given(values.pop(setting.name)) for setting in settings}
            with reported_errors():
                command(configure(flags, os.environ, config), **values)

        callback: Callback = run
        for setting in reversed(settings):  # click lists the decorator nearest to the function last
            description = descriptions.get(setting.name, setting.description)
            callback = setting_option(setting, description)(callback)
        return config_option(callback)

    return decorate


def setting_option(setting: Setting, description: str) -> Callable[[Callback], Callback]:
    """A decorator that adds the setting's flag. Its value is text, or None if it is not given."""
    flag = setting.flag
    help_text = f"{description} {_facts(setting)}"
    if setting.is_switch:
        switch = f"{flag}/--no-{flag.removeprefix('--')}"
        return click.option(setting.name, switch, default=None, help=help_text)
    return click.option(
        setting.name,
        flag,
        multiple=setting.is_list,
        metavar=setting.metavar,
        help=help_text,
        type=_type(setting),
    )


class _UncheckedChoice(click.Choice[str]):
    """Completes the choices. `configure` checks the value, so that all sources have the same message."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:  # Any: click's signature
        return value


def _type(setting: Setting) -> click.ParamType[Any]:
    """The type of the flag, from which the shell completes choices, files and directories."""
    if setting.choices:
        return _UncheckedChoice(setting.choices)
    if setting.metavar in ("PATH", "FILE", "DIR"):
        return click.Path(file_okay=setting.metavar != "DIR", readable=False)
    return click.STRING


def _given(value: object) -> object:
    """The value of a flag as `configure` takes it: None if the flag was not given."""
    if isinstance(value, tuple):
        return list(value) or None
    return value


def _facts(setting: Setting) -> str:
    facts = [f"env: {setting.variable}"]
    if setting.bounds:
        facts.append(setting.bounds)
    if setting.default is not None and setting.default != ():
        default = setting.default
        facts.append(f"default: {'on' if default is True else default or 'off'}")
    return f"[{'; '.join(facts)}]"
