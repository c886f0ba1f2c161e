"""The memory that a model needs, from the metadata of its file."""

from __future__ import annotations

from galop.backends.llama.library import llama
from galop.backends.llama.model import LlamaModel

_BYTES_PER_VALUE = 2
"""Keys and values are float16: llama.cpp's default, which `LlamaRunner` keeps."""


def kv_bytes_per_token(model: LlamaModel) -> int | None:
    """Bytes of a token in the KV cache; None if the metadata have no single number, as for models whose
    layers differ. The metadata keys are those of the GGUF specification, "[llm].attention"."""
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
    """The instruction sets that llama.cpp was compiled for, by its names: AVX2, FMA, AVX512, ..."""
    text = llama.llama_print_system_info().decode("utf-8", "replace")
    pairs = (part.split(":")[-1].partition("=") for part in text.split("|"))
    return frozenset(name.strip() for name, _, value in pairs if value.strip() == "1")
