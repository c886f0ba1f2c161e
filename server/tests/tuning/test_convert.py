"""Conversion in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from galop.tuning.convert import convert
from galop.tuning.errors import ConversionError, DiskFullError
from galop.tuning.formats import FORMATS
from galop.tuning.measure import tuning_text


@pytest.mark.model
def test_what_cannot_be_converted_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    """No half file, no output of the converter."""
    source = tmp_path / "notes.gguf"
    source.write_text("not a model at all, but long enough")
    target = tmp_path / "target.gguf"
    with pytest.raises(ConversionError, match="Q8_0") as caught:
        convert(source, target, FORMATS["q8_0"], num_weights=1, num_threads=1)
    assert "\n" not in str(caught.value)
    assert not target.exists()


def test_a_model_too_large_for_the_disk_is_refused_before(tmp_path: Path) -> None:
    """Says how much is needed and what to do."""
    with pytest.raises(DiskFullError, match="--cache-dir"):
        convert(
            tmp_path / "huge.gguf",
            tmp_path / "target.gguf",
            FORMATS["bf16"],
            num_weights=10**16,
            num_threads=1,
        )


def test_the_tuning_text_is_shipped() -> None:
    """A few kilobytes of prose with some JSON in it."""
    text = tuning_text()
    assert 4000 < len(text) < 6500
    assert '{"station"' in text
