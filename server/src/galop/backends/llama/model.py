"""A loaded GGUF file, with its weights or with its vocabulary and metadata only."""

from __future__ import annotations

import ctypes
from functools import cached_property
from pathlib import Path

from galop.backends.llama.errors import ModelFileError
from galop.backends.llama.gguf import check_gguf
from galop.backends.llama.library import forget_errors, kernels, last_errors, llama

_TEXT_BUFFER = 1 << 16


class LlamaModel:
    """Owns a `llama_model *`, the attribute `pointer`. Close it when no runner or tokenizer uses it."""

    def __init__(self, path: Path, *, vocab_only: bool = False) -> None:
        """`vocab_only`: load no weights. Raises `ModelFileError`."""
        check_gguf(path)
        params = llama.llama_model_default_params()
        params.vocab_only = vocab_only
        forget_errors()
        self.path = path
        self.pointer = llama.llama_model_load_from_file(str(path).encode(), params)
        if not self.pointer:
            reason = last_errors[0] if last_errors else "llama.cpp could not load it"
            raise ModelFileError(path, reason)
        self.vocab = llama.llama_model_get_vocab(self.pointer)
        self.vocab_size = int(llama.llama_vocab_n_tokens(self.vocab))

    @property
    def training_context(self) -> int:
        """The context window that the model was trained for, in tokens; 0 if the file does not say."""
        # Not llama_model_n_ctx_train: it is 0 if only the vocabulary was loaded.
        architecture = self.metadata("general.architecture")
        return int(self.metadata(f"{architecture}.context_length") or 0)

    @property
    def head_sizes(self) -> tuple[int, int]:
        """Number of elements of a key and of a value of an attention head."""
        even = llama.llama_model_n_embd(self.pointer) // max(
            1, llama.llama_model_n_head(self.pointer)
        )
        architecture = self.metadata("general.architecture")
        key, value = (
            self.metadata(f"{architecture}.attention.{name}_length") or even
            for name in ("key", "value")
        )
        return int(key), int(value)

    @property
    def num_layers(self) -> int:
        return int(llama.llama_model_n_layer(self.pointer))

    @property
    def has_experts(self) -> bool:
        """Whether the model is a mixture of experts."""
        return bool(self.metadata(f"{self.metadata('general.architecture')}.expert_count"))

    @cached_property
    def end_token_ids(self) -> frozenset[int]:
        """All end-of-generation tokens."""
        return frozenset(kernels.end_tokens(llama.llama_vocab_is_eog, self.vocab, self.vocab_size))

    def metadata(self, key: str) -> str | None:
        """A metadata value as text; None if the file has no such key."""
        size = _TEXT_BUFFER
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama.llama_model_meta_val_str(self.pointer, key.encode(), buffer, size)
            if length < 0:
                return None
            if length < size:
                return buffer.value.decode("utf-8", "replace")
            size = length + 1

    def close(self) -> None:
        """Free the model; idempotent."""
        if self.pointer:
            llama.llama_model_free(self.pointer)
            self.pointer = None
