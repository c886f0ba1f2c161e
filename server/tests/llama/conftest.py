"""The embedded model, loaded once for this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from galop.app.embedded import embedded_model_path
from galop.llama import LlamaModel, LlamaRunner, LlamaTokenizer


@pytest.fixture(scope="session")
def tokenizer() -> Iterator[LlamaTokenizer]:
    model = LlamaModel(embedded_model_path(), vocab_only=True)
    yield LlamaTokenizer(model)
    model.close()


@pytest.fixture(scope="session")
def runner() -> Iterator[LlamaRunner]:
    """Four slots of 512 tokens, batches of at most 128 rows."""
    runner = LlamaRunner(
        LlamaModel(embedded_model_path()),
        num_slots=4,
        context_window=512,
        num_threads=2,
        max_batch_rows=128,
    )
    yield runner
    runner.close()
