"""`galop` in this process, in a place of its own."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from galop.cli.main import command_line

Galop = Callable[..., Result]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and state and cache directories that do not exist yet."""
    for name in [name for name in os.environ if name.startswith("GALOP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    working_directory = tmp_path / "work"
    working_directory.mkdir()
    monkeypatch.chdir(working_directory)
    return working_directory


@pytest.fixture
def galop() -> Iterator[Galop]:
    """Run the command with these arguments; `env` adds variables."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    uvicorn_level = logging.getLogger("uvicorn").level

    def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
        return CliRunner().invoke(command_line, arguments, env=env, prog_name="galop")

    yield run
    root.handlers[:], root.level = handlers, level
    logging.getLogger("uvicorn").setLevel(uvicorn_level)
