"""Tuning as a whole, where no model is measured; e2e/test_tune.py measures one."""

from __future__ import annotations

from pathlib import Path

import pytest

from galop.backends.llama.errors import ModelError
from galop.tuning.choice import DECODE_ROWS, Candidate, Speed
from galop.tuning.tuner import TuningRequest, decode_ratio, prefill_ratio, tune


def candidate(prefill_s: float, step_s: float) -> Candidate:
    return Candidate(
        name="x",
        size_bytes=1,
        perplexity=10.0,
        is_deterministic=True,
        speeds=[Speed(prefill_s, dict.fromkeys(DECODE_ROWS, step_s))],
    )


def test_ratios_above_one_are_faster_than_the_file_as_shipped() -> None:
    """Prompt and decode steps are compared separately."""
    shipped, other = candidate(1.0, 0.3), candidate(2.0, 0.1)
    assert prefill_ratio(other, shipped) == pytest.approx(0.5)
    assert decode_ratio(other, shipped, 4) == pytest.approx(3.0)


def test_a_file_that_is_no_model_leaves_nothing_in_the_cache_directory(tmp_path: Path) -> None:
    """And no step is reported."""
    source, cache = tmp_path / "model.gguf", tmp_path / "cache"
    source.write_bytes(b"no model")
    steps: list[str] = []
    with pytest.raises(ModelError, match=str(source)):
        tune(
            TuningRequest(source=source, cache_directory=cache, num_threads=1),
            lambda description, num_done, num_steps: steps.append(description),
        )
    assert list(cache.iterdir()) == []
    assert steps == []
