"""Conversion of weights in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from galop.tuning.convert import convert
from galop.tuning.errors import ConversionError, DiskFullError
from galop.tuning.formats import FORMATS


@pytest.mark.model
def test_a_failed_conversion_is_an_error_of_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    """The error has no output of the converter; no file is left."""
    source = tmp_path / "notes.gguf"
    source.write_text("not a model at all, but long enough")
    target = tmp_path / "target.gguf"
    with pytest.raises(ConversionError, match="Q8_0") as caught:
        convert(source, target, FORMATS["q8_0"], num_weights=1, num_threads=1)
    assert "\n" not in str(caught.value)
    assert not target.exists()


def test_a_model_too_large_for_the_disk_is_refused_before_conversion(tmp_path: Path) -> None:
    """The error says how many bytes are needed, and which option helps."""
    with pytest.raises(DiskFullError, match="--cache-dir"):
        convert(
            tmp_path / "huge.gguf",
            tmp_path / "target.gguf",
            FORMATS["bf16"],
            num_weights=10**16,
            num_threads=1,
        )
