"""The command group."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import pytest
from click.shell_completion import ShellComplete

from galop import __version__
from galop.cli.main import COMMANDS, command_line

if TYPE_CHECKING:
    from server.tests.cli.conftest import Galop


def commands(
    group: click.Group = command_line, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command, groups included, with the words that run it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def completions(*words: str) -> list[str]:
    """What the shell offers for the last word."""
    complete = ShellComplete(command_line, {}, "galop", "_GALOP_COMPLETE")
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize("group", [(), ("keys",), ("config",)])
def test_a_group_lists_its_commands_with_their_whole_summaries(
    galop: Galop, group: tuple[str, ...]
) -> None:
    """On 80 columns, in the order of their definition."""
    result = galop(*group, "--help", env={"COLUMNS": "80"})
    listed = result.stdout.partition("Commands:\n")[2]
    assert [line.split()[0] for line in listed.splitlines()] == [
        path[-1] for path, _ in commands() if path[:-1] == group
    ]
    assert "..." not in listed


def test_the_commands_are_those_of_the_table() -> None:
    """None is missing."""
    assert [path[0] for path, _ in commands() if len(path) == 1] == list(COMMANDS)


@pytest.mark.parametrize(
    ("path", "command"), [pytest.param(*each, id=" ".join(each[0])) for each in commands()]
)
def test_every_command_and_every_parameter_is_explained(
    galop: Galop, path: tuple[str, ...], command: click.Command
) -> None:
    """-h works as well as --help."""
    long, short = galop(*path, "--help"), galop(*path, "-h")
    assert long.exit_code == 0
    assert long.stdout == short.stdout
    assert command.help
    for parameter in command.params:
        assert isinstance(parameter, click.Option | click.Argument)
        assert parameter.help, parameter.name


def test_no_command_is_the_help_text_as_wrong_usage(galop: Galop) -> None:
    """Nothing was done."""
    result = galop()
    assert result.exit_code == 2
    assert "Commands:" in result.stderr


@pytest.mark.parametrize("word", ["version", "--version"])
def test_the_version_is_one_line(galop: Galop, word: str) -> None:
    """As a command and as an option."""
    assert galop(word).stdout == f"galop {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["serv"], "Did you mean 'serve'?"),
        (["keys", "creat"], "Did you mean 'create'?"),
        (["--versoin"], "Did you mean '--version'?"),
        (["serve", "--max-wating", "5"], "'--max-waiting'"),
        (["keys", "create", "--expire", "30d"], "'--expires'"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_near_one(
    galop: Galop, arguments: list[str], suggestion: str
) -> None:
    """Exit code 2."""
    result = galop(*arguments)
    assert result.exit_code == 2
    assert suggestion in result.stderr


def test_the_shell_completes_commands_flags_and_values() -> None:
    """What docs/operations.md says."""
    assert completions("se") == ["serve"]
    assert completions("keys", "ro") == ["rotate"]
    assert completions("serve", "--max-w") == ["--max-waiting", "--max-waiting-tokens"]
    assert completions("serve", "--compat", "g") == ["groq-2024"]


def test_the_shell_completes_files_and_directories() -> None:
    """By the kind of the setting."""
    complete = ShellComplete(command_line, {}, "galop", "_GALOP_COMPLETE")
    kinds = {
        flag: [item.type for item in complete.get_completions(["serve", flag], "a")]
        for flag in ("--model", "--tls-cert", "--state-dir", "--host", "--config")
    }
    assert kinds == {
        "--model": ["file"],
        "--tls-cert": ["file"],
        "--state-dir": ["dir"],
        "--host": [],
        "--config": ["file"],
    }


def test_a_command_imports_only_what_it_needs() -> None:
    """`galop serve` starts its engine process after these imports."""
    program = (
        "import sys; from galop.cli.main import command_line;"
        "command_line.get_command(None, 'serve'); print(*sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(result.stdout.split())
    assert "galop.cli.serve" in loaded
    not_needed = {"asyncio", "jinja2", "llama_cpp", "numpy", "pydantic", "rich", "sqlalchemy"}
    not_needed |= {"ssl", "starlette", "subprocess", "uvicorn"}
    not_needed |= {f"galop.cli.{name}" for name in COMMANDS if name != "serve"}
    assert loaded & not_needed == set()
