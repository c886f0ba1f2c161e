"""The table of settings as options."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from galop.cli.options import with_settings
from galop.config.settings import SETTINGS
from galop.config.sources import Configuration

if TYPE_CHECKING:
    from server.tests.cli.conftest import Galop


@click.command()
@click.argument("word")
@with_settings(("port", "alias", "tuned"), descriptions={"port": "Another text."})
def echo(configuration: Configuration, word: str) -> None:
    """Print what came."""
    settings = configuration.settings
    click.echo(f"{word} {settings.port} {settings.alias} {settings.tuned} {configuration.sources}")


def echoed(*arguments: str, env: dict[str, str] | None = None) -> str:
    result = CliRunner().invoke(echo, arguments, env=env)
    assert result.exit_code == 0, result.stderr
    return result.stdout.strip()


def test_every_setting_is_a_flag_of_serve_with_its_facts(galop: Galop) -> None:
    """Flag, variable, bounds and default are those of the table."""
    text = " ".join(galop("serve", "--help").stdout.split())
    for setting in SETTINGS.values():
        assert f"{setting.flag} " in text
        assert f"[env: {setting.variable}" in text
        assert setting.bounds in text
        if setting.is_switch:
            assert f"--no-{setting.flag.removeprefix('--')} " in text


def test_flags_that_are_not_given_leave_the_defaults() -> None:
    """No source is named."""
    assert echoed("hello") == "hello 8000 () True {}"


def test_switches_and_lists_have_the_types_of_the_table() -> None:
    """A list's flag is given once for every entry."""
    line = echoed("x", "--no-tuned", "--alias", "a=b", "--alias", "c=d", "--port", "9000")
    assert line.startswith("x 9000 ('a=b', 'c=d') False ")
    assert echoed("x", "--tuned", env={"GALOP_TUNED": "no"}).startswith("x 8000 () True")


def test_a_flag_goes_before_a_variable_before_the_file(tmp_path: Path) -> None:
    """Each is used where the ones before say nothing."""
    file = tmp_path / "own.toml"
    file.write_text("port = 1")
    assert echoed("x", "--config", str(file)).startswith("x 1 ")
    assert echoed("x", env={"GALOP_CONFIG": str(file)}).startswith("x 1 ")
    env = {"GALOP_PORT": "2"}
    assert echoed("x", "--config", str(file), env=env).startswith("x 2 ")
    assert echoed("x", "--config", str(file), "--port", "3", env=env).startswith("x 3 ")


def test_a_command_can_describe_a_setting_in_its_own_words() -> None:
    """The facts stay."""
    text = CliRunner().invoke(echo, ["--help"]).stdout
    assert "Another text. [env: GALOP_PORT; 1 to 65535; default: 8000]" in " ".join(text.split())


@pytest.mark.parametrize(
    ("arguments", "env", "message"),
    [
        (["--port", "0"], {}, "Invalid value for --port: '0' is not a whole number, 1 to 65535"),
        ([], {"GALOP_PORT": "x"}, "Invalid value for GALOP_PORT: 'x' is not a whole number"),
        ([], {"GALOP_TUNED": "maybe"}, "GALOP_TUNED: 'maybe' is neither true nor false"),
        (["--config", "none.toml"], {}, "none.toml: No such file or directory"),
        (["--port"], {}, "Option '--port' requires an argument."),
        (["--tuned=1"], {}, "Option '--tuned' does not take a value."),
        (["--model-name", "x"], {}, "No such option '--model-name'."),
    ],
)
def test_wrong_usage_names_what_the_operator_wrote(
    arguments: list[str], env: dict[str, str], message: str
) -> None:
    """Exit code 2."""
    result = CliRunner().invoke(echo, ["x", *arguments], env=env)
    assert result.exit_code == 2
    assert message in result.stderr


def test_what_config_show_prints_can_be_read_again(galop: Galop, home: Path) -> None:
    """Through the command line, as galop.toml of the working directory."""
    first = galop("config", "show", "--alias", 'a "b"=m', "--drain-timeout", "3", "--no-metrics")
    (home / "galop.toml").write_text(first.stdout)
    second = galop("config", "show")
    assert tomllib.loads(first.stdout) == tomllib.loads(second.stdout)
    assert tomllib.loads(second.stdout)["metrics"] is False
