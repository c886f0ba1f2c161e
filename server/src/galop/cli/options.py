"""The table of settings as options of a command.

`@with_settings` gives a command one option for every setting, and `--config`; the command itself
takes the finished `Configuration`. What is wrong ends the program with exit code 2 and one message
that names the flag, the variable or the line of the file.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from galop.config.settings import SETTINGS, Setting, SettingError
from galop.config.sources import FILE_VARIABLE, Configuration, configure

CONFIG_OPTION = typer.Option(
    "--config",
    metavar="FILE",
    help="Read settings from this file. Left out: galop.toml in the working directory, if there "
    f"is one. [env: {FILE_VARIABLE}]",
)


def with_settings(
    command: Callable[..., None], names: Iterable[str] = tuple(SETTINGS)
) -> Callable[..., None]:
    """`command`, as a function that typer makes options for.

    Its first parameter is the configuration; those after it are typer's as they are.
    """
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    own_names = [parameter.name for parameter in own]

    @wraps(command)
    def run(config: Path | None, **values: object) -> None:
        arguments = {name: values.pop(name) for name in own_names}
        command(configuration_or_exit(values, config), **arguments)

    options: dict[str, Any] = {  # Any: these are type expressions
        "config": Annotated[Path | None, CONFIG_OPTION],
        **{name: _option(SETTINGS[name]) for name in names},
    }
    parameters = [
        *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own),
        *(
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
            )
            for name, annotation in options.items()
        ),
    ]
    del run.__wrapped__  # or its signature would count
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # inspect's own convention
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def configuration_or_exit(flags: Mapping[str, object], file: Path | None) -> Configuration:
    """The configuration. What is wrong with it becomes wrong usage of the command."""
    try:
        return configure(flags, os.environ, file)
    except SettingError as error:
        raise wrong_usage(error) from None


def wrong_usage(error: SettingError) -> typer.BadParameter:
    """The error as typer shows it: exit code 2."""
    return typer.BadParameter(error.reason, param_hint=error.source)


def _option(setting: Setting) -> Any:  # Any: a type expression
    flag = setting.flag
    declaration = f"{flag}/--no-{flag.removeprefix('--')}" if setting.is_switch else flag
    option = typer.Option(
        declaration,
        metavar=None if setting.is_switch else setting.metavar,
        help=f"{setting.description} {_facts(setting)}",
        show_default=False,
    )
    if setting.is_switch:
        return Annotated[bool | None, option]
    return Annotated[list[str] | None if setting.is_list else str | None, option]


def _facts(setting: Setting) -> str:
    facts = [f"env: {setting.variable}"]
    if setting.bounds:
        facts.append(setting.bounds)
    if setting.default is not None and setting.default != ():
        default = setting.default
        facts.append(f"default: {'on' if default is True else default or 'off'}")
    return f"[{'; '.join(facts)}]"
