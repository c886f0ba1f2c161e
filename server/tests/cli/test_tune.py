"""`galop tune` where nothing is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from server.tests.cli.conftest import Galop


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "scripted:x"], "Invalid value for --model: a model without weights"),
        (["--model", "/no/such/file.gguf"], "Invalid value for --model: no such file"),
        pytest.param(
            ["--model", __file__, "--formats", "q3_x"],
            "Invalid value for --formats: 'q3_x'",
            marks=pytest.mark.model,
        ),
        (["--tolerance", "little"], "Invalid value for '--tolerance': 'little' is no percentage"),
        (["--rounds", "0"], "Invalid value for '--rounds': 0 is not in the range 1<=x<=100."),
        (["--threads", "0"], "Invalid value for --threads: '0' is not a whole number"),
    ],
)
def test_wrong_usage_is_found_before_anything_is_measured(
    galop: Galop, arguments: list[str], message: str
) -> None:
    """Exit code 2."""
    result = galop("tune", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.model
def test_a_file_that_is_no_model_is_exit_code_1(galop: Galop) -> None:
    """One line, besides what is said of a busy machine."""
    result = galop("tune", "--model", __file__)
    assert result.exit_code == 1
    assert result.stderr.startswith("galop: ")
    assert "not a GGUF model" in result.stderr
    assert len(result.stderr.splitlines()) == 1
