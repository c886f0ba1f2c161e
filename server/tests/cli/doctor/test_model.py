"""The model's file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from galop.cli.doctor.model import check_template, check_tuned
from galop.config.models import ServedModel
from galop.tuning.stored import TunedWeights

if TYPE_CHECKING:
    from server.tests.cli.doctor.conftest import Examined


@pytest.mark.model
def test_a_file_that_is_no_model_is_a_problem(examined: Examined, tmp_path: Path) -> None:
    """It says what the file is not."""
    path = tmp_path / "notes.gguf"
    path.write_text("these are notes, not weights, and long enough to look at")
    finding = examined(model=str(path))["model"]
    assert finding.verdict == "problem"
    assert "not a GGUF model" in finding.text


@pytest.mark.parametrize("source", [None, ""])
def test_a_model_without_a_template_is_served_with_a_warning(source: str | None) -> None:
    """ChatML is used."""
    (finding,) = check_template(source)
    assert finding.verdict == "warning"


def test_a_template_that_cannot_be_rendered_is_a_problem() -> None:
    """The first request would fail."""
    (finding,) = check_template("{% for %}")
    assert finding.verdict == "problem"


def test_a_template_without_bounds_is_a_problem() -> None:
    """It is named, and `galop doctor` goes on."""
    (finding,) = check_template("{{ 'x' * 10**10 }}")
    assert finding.verdict == "problem"
    assert "its chat template needs more than 128 MiB of memory" in finding.text


def test_a_template_that_works_is_not_worth_a_line() -> None:
    """The finding about the file is enough."""
    assert list(check_template("{% for m in messages %}{{ m.content }}{% endfor %}")) == []


def test_tuned_weights_are_named_with_their_date() -> None:
    """Without them there is advice, and no warning."""
    untuned = ServedModel(source="m.gguf", name="m")
    assert check_tuned(untuned).verdict == "ok"
    assert "galop tune" in check_tuned(untuned).advice
    weights = TunedWeights(
        format_name="Q8_0", tuned_on="2026-11-23", path=None, digest="x", threads_by_rows={}
    )
    tuned = ServedModel(source="m.gguf", name="m", tuned=weights)
    assert check_tuned(tuned).text == "Q8_0, tuned on 2026-11-23"


@pytest.mark.model
def test_the_embedded_model_and_its_memory_are_described(examined: Examined) -> None:
    """30 layers of 3 KV heads of 64 values, keys and values, two bytes each: 23,040 a token."""
    found = examined(model=None, max_sequences="4", context_window="1024")
    assert found["model"].verdict == "ok"
    assert "context window 1024" in found["model"].text
    assert "94 MB of KV cache (4 x 1024 tokens, 23 kB each" in found["memory"].text
