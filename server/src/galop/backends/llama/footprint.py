"""How much memory a model needs: from the metadata of its file, without loading the weights."""

from __future__ import annotations

from galop.backends.llama.library import llama
from galop.backends.llama.model import LlamaModel

_BYTES_PER_VALUE = 2
"""Keys and values are kept as float16 (llama.cpp's default, which `LlamaRunner` leaves)."""


def kv_bytes_per_token(model: LlamaModel) -> int | None:
    """Bytes that one token takes in the KV cache; None where the metadata do not say (models whose
    layers differ). Keys as in the GGUF specification, "[llm].attention"."""
    architecture = model.metadata("general.architecture")

    def number(key: str) -> int | None:
        text = model.metadata(f"{architecture}.{key}")
        return int(text) if text is not None and text.isdecimal() else None

    num_layers, num_heads = number("block_count"), number("attention.head_count")
    width = number("embedding_length")
    if num_layers is None or num_heads is None or width is None:
        return None
    num_kv_heads = number("attention.head_count_kv") or num_heads
    key_length = number("attention.key_length") or width // num_heads
    value_length = number("attention.value_length") or width // num_heads
    return num_layers * num_kv_heads * (key_length + value_length) * _BYTES_PER_VALUE


def compiled_features() -> frozenset[str]:
    """What the kernels were compiled to use, in llama.cpp's names: AVX2, FMA, AVX512, ..."""
    text = llama.llama_print_system_info().decode("utf-8", "replace")
    pairs = (part.split(":")[-1].partition("=") for part in text.split("|"))
    return frozenset(name.strip() for name, _, value in pairs if value.strip() == "1")
