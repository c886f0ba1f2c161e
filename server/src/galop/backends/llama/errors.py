"""Errors of loading a model.

ModelError
├── ModelFileError      the file is missing, unreadable, or no GGUF file that llama.cpp can load
└── ModelMemoryError    the weights or the KV cache do not fit into memory
"""

from __future__ import annotations

from pathlib import Path


class ModelError(Exception):
    """Base of the errors of a model file `path`. `reason` is one line for a person."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class ModelFileError(ModelError):
    """The file is not a model that can be loaded."""


class ModelMemoryError(ModelError):
    """The model or its KV cache could not be allocated."""
