"""How much of a model's context window is served."""

from __future__ import annotations

from pathlib import Path

import pytest

from galop.backends.text import open_model_text
from galop.config.models import served_context_window, served_model
from galop.config.settings import SettingError
from galop.config.sources import configure
from galop.library.embedded import embedded_model_path

_KEY = b"llama.context_length"
_UINT32 = (4).to_bytes(4, "little")
"""The type of the value (gguf.md, enum gguf_metadata_value_type)."""


@pytest.mark.model
def test_a_model_trained_on_less_is_served_with_less(tmp_path: Path) -> None:
    """Also where only its vocabulary is loaded, which is how the server reads it."""
    path = tmp_path / "short.gguf"
    data = embedded_model_path().read_bytes()
    trained, patched = ((length).to_bytes(4, "little") for length in (8192, 512))
    assert data.count(_KEY + _UINT32 + trained) == 1
    path.write_bytes(data.replace(_KEY + _UINT32 + trained, _KEY + _UINT32 + patched))
    configuration = configure({"model": str(path)}, {})
    text = open_model_text(served_model(configuration).source)
    assert served_context_window(configuration, text.training_context) == 512


@pytest.mark.parametrize(
    ("asked", "trained", "served"),
    [(None, 512, 512), (None, 0, 8192), ("300", 512, 300), ("512", 512, 512), ("999", 0, 999)],
)
def test_the_window_is_what_was_asked_for_as_far_as_the_model_was_trained(
    asked: str | None, trained: int, served: int
) -> None:
    """Zero: its file does not say."""
    configuration = configure({"context_window": asked}, {})
    assert served_context_window(configuration, trained) == served


def test_a_window_that_the_model_was_not_trained_for_is_refused_by_name() -> None:
    """As what the operator wrote."""
    configuration = configure({}, {"GALOP_CONTEXT_WINDOW": "9000"})
    with pytest.raises(SettingError, match=r"GALOP_CONTEXT_WINDOW.*9000 tokens.*8192"):
        served_context_window(configuration, 8192)
