"""`galop doctor` as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from server.tests.cli.conftest import Galop
    from server.tests.cli.doctor.conftest import Examined


@pytest.mark.model
def test_a_healthy_machine_is_exit_code_0(galop: Galop, free_port: str) -> None:
    """The last line counts problems and warnings."""
    result = galop("doctor", "--model", "scripted:x", "--port", free_port)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("0 problems, ")


@pytest.mark.model
def test_a_problem_is_exit_code_1_with_advice(galop: Galop, free_port: str, tmp_path: Path) -> None:
    """What to do follows an arrow."""
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(60))
    arguments = ("--model", str(tmp_path / "broken.gguf"), "--port", free_port)
    result = galop("doctor", *arguments, env={"COLUMNS": "500"})
    assert result.exit_code == 1
    assert "1 problem," in result.stdout
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("problem")]
    assert line.endswith("-> give another file with --model")


def test_long_findings_are_broken_under_their_text(galop: Galop, free_port: str) -> None:
    """Terminals are narrow."""
    result = galop("doctor", "--model", "scripted:x", "--port", free_port, env={"COLUMNS": "60"})
    lines = result.stdout.splitlines()
    assert any(line.startswith(" " * 22) for line in lines)
    assert any(line.startswith("ok       versions     galop ") for line in lines)


def test_a_wrong_setting_is_exit_code_2(galop: Galop) -> None:
    """Before anything is examined."""
    result = galop("doctor", "--port", "none")
    assert result.exit_code == 2
    assert result.stdout == ""


@pytest.mark.model
def test_nothing_keeps_the_scripted_model_from_being_served(examined: Examined) -> None:
    """No problem where there is none."""
    found = examined()
    subjects = {"versions", "cores", "settings", "model", "keys", "address", "open files", "cache"}
    assert subjects <= set(found)
    assert not [finding for finding in found.values() if finding.verdict == "problem"]
    assert "starlette" in found["versions"].text


def test_a_problem_does_not_hide_what_comes_after_it(examined: Examined) -> None:
    """One run shows everything."""
    found = examined(tls_cert="/no/cert.pem", alias=["a=b"])
    assert found["settings"].verdict == "problem"
    assert found["model"].verdict == "problem"
    assert "not served here" in found["model"].text
    assert found["address"].verdict == "ok"
