"""Packages that others wrote for the published client, unchanged, on ours and on our server.

Each program of `ecosystem/` uses one of them in an environment of its own (made on the first run,
under `.cache/ecosystem`) and prints what it saw. `-m "not ecosystem"` leaves them out.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import ROOT, Server

pytestmark = [pytest.mark.model, pytest.mark.ecosystem]

PROGRAMS = Path(__file__).parent / "ecosystem"
REQUIREMENTS = PROGRAMS / "requirements.txt"
DIRECTORY = ROOT / ".cache" / "ecosystem"


@pytest.fixture(scope="session")
def python() -> Path:
    """The interpreter of an environment that has the packages, and groq from ./sdk."""
    interpreter = DIRECTORY / "bin" / "python"
    stamp = DIRECTORY / "installed"
    wanted = REQUIREMENTS.read_bytes() + (ROOT / "sdk" / "pyproject.toml").read_bytes()
    expected = hashlib.sha256(wanted + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == expected:
        return interpreter
    venv.create(DIRECTORY, with_pip=True, clear=True)
    pip: list[str | Path] = [
        interpreter,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    # Compiling all of their modules takes longer than all the tests; few of them are imported.
    subprocess.run([*pip, "--no-compile", "--no-deps", "--requirement", REQUIREMENTS], check=True)
    subprocess.run([*pip, "--no-deps", "--editable", ROOT / "sdk"], check=True)
    stamp.write_text(expected)
    return interpreter


def run(python: Path, server: Server, program: str, *arguments: str) -> dict[str, Any]:
    """What the program printed; fails with its error output."""
    environment = server.environment()
    # What one program compiled the next one finds, in this run and in later ones.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [python, PROGRAMS / program, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    saw: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return saw


def assert_the_same(answers: list[str], number: int) -> None:
    """Whole or streamed, synchronous or not: at temperature 0 there is one answer."""
    assert len(answers) == number
    assert len(answers[0]) > 10
    assert set(answers) == {answers[0]}


def test_langchain(python: Path, server: Server) -> None:
    """Chat, stream, two event loops, a tool there and back, structured output in both ways."""
    saw = run(python, server, "with_langchain.py")

    assert_the_same(saw["answers"], 6)
    assert saw["usage"]["output_tokens"] == 16
    assert saw["num_chunks"] >= 10
    assert saw["call"]["name"] == "get_weather"
    assert isinstance(saw["call"]["args"]["city"], str)
    assert saw["after_call"]
    assert saw["structured"] == ["City", "City"]


def test_pydantic_ai(python: Path, server: Server) -> None:
    """An agent's answer, its stream, an output type and an output function."""
    saw = run(python, server, "with_pydantic_ai.py")

    assert_the_same(saw["answers"], 2)
    assert saw["output_tokens"] == 40
    assert saw["num_pieces"] >= 10
    assert 0 < len(saw["city"]) <= 20
    assert saw["function"].endswith(" is a city.")


def test_instructor(python: Path, server: Server) -> None:
    """A type through a tool call, synchronously and not, and an object through JSON mode."""
    saw = run(python, server, "with_instructor.py")

    assert len(set(saw["cities"])) == 1
    assert 0 < len(saw["cities"][0]) <= 20
    assert saw["document"] == "Document"
    assert saw["num_tokens"] > 0


def test_agno(python: Path, server: Server) -> None:
    """An agent's answer in three ways, and a tool that it calls."""
    saw = run(python, server, "with_agno.py")

    assert_the_same(saw["answers"], 3)
    assert saw["num_pieces"] >= 10
    assert saw["output_tokens"] == 16
    assert saw["num_tool_calls"] == 1


def test_opentelemetry_instrumentation(python: Path, server: Server) -> None:
    """A span with its token counts for each call, streams included."""
    saw = run(python, server, "with_instrumentation.py", "opentelemetry")

    assert_the_same(saw["answers"], 4)
    assert saw["num_spans"] == 4
    assert saw["models"] == ["llama3-8b-8192"] * 4
    assert all(count > 16 for count in saw["token_counts"])


def test_openinference_instrumentation(python: Path, server: Server) -> None:
    """A span for each call; this one counts no tokens of streams, with any client."""
    saw = run(python, server, "with_instrumentation.py", "openinference")

    assert_the_same(saw["answers"], 4)
    assert saw["num_spans"] == 4
    assert [count is not None for count in saw["token_counts"]] == [True, False, True, False]


def test_packages_that_only_speak_http(python: Path, server: Server) -> None:
    """litellm and llama-index, whole and streamed."""
    saw = run(python, server, "with_http_only.py")

    assert_the_same(saw["litellm"] + saw["llama_index"], 5)
