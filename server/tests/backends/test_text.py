"""The tokenizer and the template of a model source."""

from __future__ import annotations

from pathlib import Path

import pytest

from galop.backends.llama.errors import ModelFileError
from galop.backends.scripted import ScriptedTokenizer
from galop.backends.text import open_model_text
from galop.library.embedded import embedded_model_path


def test_a_scripted_model_has_a_tokenizer_and_no_template() -> None:
    text = open_model_text("scripted:Hello")
    assert isinstance(text.tokenizer, ScriptedTokenizer)
    assert (text.chat_template, text.training_context) == (None, 0)


@pytest.mark.model
def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"no model")
    with pytest.raises(ModelFileError, match="only 8 bytes long"):
        open_model_text(str(path))


@pytest.mark.model
def test_a_model_file_has_all_three() -> None:
    text = open_model_text(str(embedded_model_path()))
    token_ids = text.tokenizer.encode("Hello")
    assert b"".join(map(text.tokenizer.token_bytes, token_ids)) == b"Hello"
    assert text.chat_template is not None
    assert "<|im_start|>" in text.chat_template
    assert text.training_context == 8192
