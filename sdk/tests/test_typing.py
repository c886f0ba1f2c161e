"""What pyright, and so most editors, make of this package. mypy's view is part of `make check`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """pyright finds packages through the first `python` on the PATH."""
    found = dict(os.environ) | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1",
    }
    probe = subprocess.run(
        [sys.executable, "-m", "pyright", "--version"], env=found, capture_output=True, text=True
    )
    if probe.returncode != 0:  # the package from PyPI fetches the program from npm, once
        pytest.skip(f"pyright could not be fetched from the npm registry: {probe.stderr[-200:]}")
    return found


def pyright(environment: dict[str, str], cwd: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", *arguments],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    report: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    return report


def test_every_public_name_has_a_type(environment: dict[str, str], tmp_path: Path) -> None:
    """`pyright --verifytypes groq` finds nothing that a checker would have to guess."""
    report = pyright(environment, tmp_path, "--ignoreexternal", "--verifytypes", "groq")

    completeness = report["typeCompleteness"]
    vague = [symbol["name"] for symbol in completeness["symbols"] if not symbol["isTypeKnown"]]
    assert not vague
    assert completeness["completenessScore"] == 1
    assert completeness["exportedSymbolCounts"]["withKnownType"] > 1500


def test_editors_infer_what_calls_return(environment: dict[str, str], tmp_path: Path) -> None:
    """`create` with each `stream`, `parse(Model)` and `.stream()`: every assertion holds."""
    report = pyright(environment, tmp_path, str(TESTS / "typing_tests"))

    assert report["summary"]["filesAnalyzed"] == 1
    assert report["generalDiagnostics"] == []


def test_a_wrong_expectation_is_noticed(environment: dict[str, str], tmp_path: Path) -> None:
    """The checks above can fail: a stream is not a completion."""
    wrong = (TESTS / "typing_tests" / "chat.py").read_text()
    wrong = wrong.replace("stream=True), Stream[ChatCompletionChunk]", "stream=True), str")
    (tmp_path / "wrong.py").write_text(wrong)

    report = pyright(environment, tmp_path, "wrong.py")

    assert [problem["rule"] for problem in report["generalDiagnostics"]] == [
        "reportAssertTypeFailure"
    ]
