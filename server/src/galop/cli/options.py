"""The table of settings as options of a command.

`@with_settings()` gives a command `--config` and one option for every setting; the command itself
takes the finished `Configuration`. A wrong setting ends the program with exit code 2 and one message
that names the flag, the variable, or the key of the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from galop.cli.errors import reported_errors
from galop.config.settings import SETTINGS, Setting
from galop.config.sources import FILE_VARIABLE, configure

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Callback = Callable[..., None]
"""What click calls with one keyword argument per parameter of the command."""

PATH_KINDS = {"PATH": "file", "FILE": "file", "DIR": "dir"}
"""Metavar of a setting to the kind of path that the shell completes."""

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
    """Decorate a command that takes a `Configuration` first, made of these settings' options.

    `descriptions` replace those of the table. All other parameters of the command come from the
    decorators above this one.
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
    """A decorator that adds the setting's flag. It passes on the text, unconverted, or None."""
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
        shell_complete=_completer(setting),
    )


def _given(value: object) -> object:
    """The value of a flag as `configure` takes it: None where the flag was not given."""
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


def _completer(setting: Setting) -> Callable[..., list[CompletionItem]]:
    """What the shell offers as the setting's value: its choices, or files, or directories."""

    # Any: click's signature
    def complete(_context: Any, _parameter: Any, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        if kind := PATH_KINDS.get(setting.metavar):
            return [CompletionItem(incomplete, type=kind)]
        return [CompletionItem(each) for each in setting.choices if each.startswith(incomplete)]

    return complete
