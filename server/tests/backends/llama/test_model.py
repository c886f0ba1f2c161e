"""The metadata of the embedded model, SmolLM2-135M-Instruct, without its weights."""

from __future__ import annotations

import pytest

from galop.backends.llama.model import LlamaModel
from galop.library.embedded import embedded_model_path

pytestmark = pytest.mark.model


def test_the_shape_is_that_of_the_model_card(vocabulary: LlamaModel) -> None:
    assert vocabulary.vocab_size == 49152
    assert vocabulary.training_context == 8192
    assert not vocabulary.has_experts


def test_metadata_are_read_by_key(vocabulary: LlamaModel) -> None:
    """None for keys that the file does not have."""
    assert vocabulary.metadata("general.architecture") == "llama"
    assert vocabulary.metadata("no.such.key") is None
    template = vocabulary.metadata("tokenizer.chat_template")
    assert template is not None
    assert template.rstrip().endswith("%}")


def test_end_tokens_end_a_message(vocabulary: LlamaModel) -> None:
    """`<|im_end|>` is token 2 of this vocabulary."""
    assert 2 in vocabulary.end_token_ids
    assert all(0 <= token_id < vocabulary.vocab_size for token_id in vocabulary.end_token_ids)


def test_closing_twice_is_closing_once() -> None:
    model = LlamaModel(embedded_model_path(), vocab_only=True)
    model.close()
    model.close()
    assert model.pointer is None
