"""Errors that end a command.

click.ClickException
├── CommandFailedError   exit code 1: `galop: MESSAGE` on stderr
│   └── InterruptedCommandError   exit code 130, as of a program that SIGINT ended
└── click.UsageError     exit code 2: usage, a hint at --help, and the message
    └── click.BadParameter   made of a `SettingError` by `reported_errors`
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, ClassVar

import click

from galop.config.settings import SettingError
from galop.library.embedded import EmbeddedModelMissingError


class CommandFailedError(click.ClickException):
    """The command failed. The message is one line for a person."""

    def show(self, file: IO[Any] | None = None) -> None:  # Any: click's signature
        """Prints the message without the usage, since the command line is valid."""
        click.echo(f"galop: {self.format_message()}", file=file, err=file is None)


class InterruptedCommandError(CommandFailedError):
    """Ctrl-C or SIGTERM interrupted the command."""

    exit_code: ClassVar[int] = 130


@contextmanager
def reported_errors() -> Iterator[None]:
    """Turns `SettingError` into `click.BadParameter`, a missing model into `CommandFailedError`."""
    try:
        yield
    except SettingError as error:
        raise click.BadParameter(error.reason, param_hint=error.source) from None
    except EmbeddedModelMissingError as error:
        raise CommandFailedError(str(error)) from None
