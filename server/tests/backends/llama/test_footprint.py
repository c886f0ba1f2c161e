"""The memory that a token of the embedded model needs, and the features of the build."""

from __future__ import annotations

import pytest

from galop.backends.llama.footprint import compiled_features, kv_bytes_per_token
from galop.backends.llama.model import LlamaModel

pytestmark = pytest.mark.model


def test_a_token_takes_its_keys_and_values_in_the_kv_cache(vocabulary: LlamaModel) -> None:
    """30 layers, 3 KV heads, 64 elements of a key and of a value, 2 bytes each."""
    assert kv_bytes_per_token(vocabulary) == 30 * 3 * (64 + 64) * 2


def test_features_of_the_build_are_names() -> None:
    features = compiled_features()
    assert features
    assert all(name and name == name.strip() and "=" not in name for name in features)
