"""What `make check` makes of pip-audit's answer."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    path = Path(__file__).parents[1] / "scripts" / "audit.py"
    spec = importlib.util.spec_from_file_location("audit", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def report(*dependencies: dict[str, Any]) -> str:  # Any: JSON
    return json.dumps({"dependencies": dependencies, "fixes": []})


SOUND = {"name": "a", "version": "1", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "not found"}
VULNERABLE = {
    "name": "c",
    "version": "2",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"], "aliases": [], "description": ""}],
}


def test_a_known_vulnerability_fails_the_check(audit: ModuleType) -> None:
    """With the package, the id, and the version that is sound."""
    code, lines = audit.verdict(report(SOUND, VULNERABLE))
    assert code == 1
    assert lines[0] == "audit: c 2: PYSEC-1, fixed in 3"


def test_sound_packages_pass_and_the_skipped_are_counted(audit: ModuleType) -> None:
    """Nobody shall think that all were looked up."""
    code, [line] = audit.verdict(report(SOUND, SKIPPED))
    assert code == 0
    assert "1 packages looked up, 0 known vulnerabilities; 1 could not" in line


@pytest.mark.parametrize("output", ["", "no network", "{}", "[]", report(SKIPPED)])
def test_without_a_database_it_says_so_and_passes(audit: ModuleType, output: str) -> None:
    """Offline is no vulnerability, and no clean bill either."""
    code, [line] = audit.verdict(output)
    assert code == 0
    assert "nothing was looked up" in line
