"""The programs of README.md run; its links and paths, and those of CONTRIBUTING.md, exist."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from e2e.conftest import ROOT, Server

README = (ROOT / "README.md").read_text()


@pytest.mark.model
def test_the_ten_lines_work(server: Server) -> None:
    """As printed, but for the port."""
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    program = program.replace("http://127.0.0.1:8000", server.base_url)
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert "Paris" in result.stdout


def test_every_dependency_is_named_with_its_purpose() -> None:
    """In the tables of docs/dependencies.md, for both distributions."""
    tables = (ROOT / "docs" / "dependencies.md").read_text()
    for project in ("server", "sdk"):
        text = (ROOT / project / "pyproject.toml").read_text()
        block = re.search(r"^dependencies = \[(.*?)^\]", text, re.DOTALL | re.MULTILINE)
        assert block is not None
        for name in re.findall(r'"([A-Za-z0-9_-]+)', block[1]):
            assert re.search(rf"^\| [^|]*\b{name}\b", tables, re.MULTILINE), name


PAGES = ("README.md", "CONTRIBUTING.md", "docs/benchmark.md", "docs/dependencies.md")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    """Relative links, to files and folders that exist."""
    for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text()):
        assert ((ROOT / page).parent / target).exists(), target


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_path_exists(page: str) -> None:
    """In code spans: from the root, or from the package."""
    text = (ROOT / page).read_text()
    paths = re.findall(r"`((?:[\w-]+/)+[\w.-]*)`", text)
    assert len(paths) > 10
    for path in paths:
        assert (ROOT / path).exists() or (ROOT / "server/src/galop" / path).exists(), path


def test_the_readme_is_short() -> None:
    """150 lines: details belong to docs/."""
    assert len(README.splitlines()) <= 150
