"""The programs in examples/, run as a user would: as programs, against a live server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.conftest import ROOT, Server

pytestmark = pytest.mark.model

EXAMPLES = ROOT / "examples"


def run(server: Server, name: str) -> str:
    """Standard output of an example; fails with its error output."""
    path = EXAMPLES / name
    command = ["sh", str(path)] if path.suffix == ".sh" else [sys.executable, str(path)]
    result = subprocess.run(
        command, env=server.environment(), capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_completion(server: Server) -> None:
    """The model knows one capital."""
    assert "Paris" in run(server, "completion.py")


def test_streaming(server: Server) -> None:
    """Words, then the usage that came with the last chunk."""
    output = run(server, "streaming.py")
    assert output.rstrip().endswith(" tokens]")
    assert len(output) > 20


def test_stop_sequence(server: Server) -> None:
    """The count begins and never reaches the 6."""
    output = run(server, "stop_sequence.py")
    assert "1, 2, 3" in output
    assert "6" not in output


def test_async_completion(server: Server) -> None:
    """Three answers behind their three questions."""
    lines = run(server, "async_completion.py")
    for question in ("What is water made of?", "Who wrote Hamlet?", "What is two plus two?"):
        assert question in lines


def test_async_streaming(server: Server) -> None:
    """Some words of a story; which ones is the model's business."""
    assert len(run(server, "async_streaming.py")) > 40


def test_json_mode(server: Server) -> None:
    """Pretty JSON, then a verdict of pydantic."""
    output = run(server, "json_mode.py")
    document = json.loads(output[: output.rindex("\n}") + 2])
    assert isinstance(document, dict)


def test_sentiment(server: Server) -> None:
    """A dictionary."""
    assert run(server, "sentiment.py").startswith("{")


def test_structured_output(server: Server) -> None:
    """A recipe, whatever is in it."""
    name, *ingredients = run(server, "structured_output.py").splitlines()
    assert not name.startswith("- ")
    assert all(line.startswith("- ") for line in ingredients if " of " in line)


def test_tools(server: Server) -> None:
    """A call that the program could make, then words."""
    call, _, words = run(server, "tools.py").partition("\n")
    assert re.fullmatch(r"count_in_stock\(\{'vegetable': '(leek|potato)'\}\) = \d+", call)
    assert words.strip()


def test_openai_client(server: Server) -> None:
    """The other published client gets words and usage too."""
    assert run(server, "openai_client.py").rstrip().endswith(" tokens]")


def test_curl(server: Server) -> None:
    """A whole response body."""
    body = json.loads(run(server, "curl.sh"))
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"]["content"]


def test_every_example_has_a_test() -> None:
    """A new file in examples/ must be run here."""
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    names = {path.stem for path in Path(EXAMPLES).iterdir() if path.suffix in (".py", ".sh")}
    assert names <= tested
