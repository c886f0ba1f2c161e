"""The embedded model, as shipped and in formats of `galop tune`, loaded once for this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from galop.backends.llama.model import LlamaModel
from galop.backends.llama.runner import LlamaRunner
from galop.backends.llama.tokenizer import LlamaTokenizer
from galop.library.embedded import embedded_model_path
from galop.tuning.convert import convert
from galop.tuning.formats import FORMATS


@pytest.fixture(scope="session")
def vocabulary() -> Iterator[LlamaModel]:
    """The embedded model without its weights."""
    model = LlamaModel(embedded_model_path(), vocab_only=True)
    yield model
    model.close()


@pytest.fixture(scope="session")
def tokenizer(vocabulary: LlamaModel) -> LlamaTokenizer:
    return LlamaTokenizer(vocabulary)


@pytest.fixture(scope="session", params=["as shipped", "q4_0", "q8_0"])
def weights(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model in one of the formats that may be served."""
    if request.param == "as shipped":
        return embedded_model_path()
    path = tmp_path_factory.mktemp("weights") / f"{request.param}.gguf"
    convert(
        embedded_model_path(), path, FORMATS[request.param], num_weights=134_515_008, num_threads=2
    )
    return path


@pytest.fixture(scope="session")
def runner(weights: Path) -> Iterator[LlamaRunner]:
    """Four slots of 512 tokens, batches of at most 128 rows."""
    runner = LlamaRunner(
        LlamaModel(weights),
        num_slots=4,
        context_window=512,
        num_threads=2,
        max_batch_rows=128,
    )
    yield runner
    runner.close()
