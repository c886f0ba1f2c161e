"""Checks of the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from galop.cli.doctor.model import (
    check_kernels,
    check_memory,
    check_template,
    check_tuned,
    unused_features,
)
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


@pytest.mark.model
def test_the_compiled_features_come_first() -> None:
    """Then galop's own kernels. Slow ones are warnings, never problems."""
    first, second, *_ = findings = list(check_kernels())
    assert first.text.startswith("compiled for ")
    assert second.text.startswith("galop's own ")
    assert {finding.verdict for finding in findings} <= {"ok", "warning"}


def test_features_that_were_not_compiled_in_have_llama_cpps_names() -> None:
    """Features that no kernel uses do not count."""
    cpu = {"avx2", "fma", "avx512_vnni", "fpu"}
    assert unused_features(cpu, {"AVX2", "NEON"}) == ["FMA", "AVX512_VNNI"]
    assert unused_features(cpu, {"AVX2", "FMA", "AVX512_VNNI"}) == []


@pytest.mark.parametrize(
    ("available_bytes", "verdict", "advice"),
    [
        (5_000, "ok", ""),
        (4_999, "warning", "--max-sequences 3"),
        (1_999, "warning", "--context-window"),
        (999, "problem", "smaller model"),
        (None, "ok", ""),
    ],
)
def test_too_little_memory_is_a_warning_with_what_would_fit(
    available_bytes: int | None, verdict: str, advice: str
) -> None:
    """The KV cache is taken as it fills: such a server starts, and dies later."""
    finding = check_memory(
        weights_bytes=1_000,
        cache_bytes_per_token=10,
        window=100,
        num_sequences=4,
        available_bytes=available_bytes,
    )
    assert finding.verdict == verdict
    assert advice in finding.advice
