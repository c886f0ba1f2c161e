"""Errors that end a command."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from galop.cli.errors import CommandFailedError, InterruptedCommandError, reported_errors
from galop.config.settings import SettingError
from galop.library.embedded import EmbeddedModelMissingError


@click.command()
@click.argument("kind")
def fail(kind: str) -> None:
    """End with an error."""
    errors: dict[str, Exception] = {
        "failed": CommandFailedError("the disk is full"),
        "interrupted": InterruptedCommandError("nothing has changed"),
        "setting": SettingError("GALOP_PORT", "'x' is not a whole number"),
        "model": EmbeddedModelMissingError("no model"),
    }
    with reported_errors():
        raise errors[kind]


@pytest.mark.parametrize(
    ("kind", "exit_code", "last_line"),
    [
        ("failed", 1, "galop: the disk is full"),
        ("interrupted", 130, "galop: nothing has changed"),
        ("setting", 2, "Error: Invalid value for GALOP_PORT: 'x' is not a whole number"),
        ("model", 1, "galop: no model"),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(
    kind: str, exit_code: int, last_line: str
) -> None:
    """On stderr; usage is shown only where the usage was wrong."""
    result = CliRunner().invoke(fail, [kind])
    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1] == last_line
    assert ("Usage:" in result.stderr) == (exit_code == 2)
