"""The tokenizer and the chat template of a model, without its weights, for the server process.

Imports little: a command reads them on a thread while it imports the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galop.backends.llama.tokenizer import LlamaTokenizer
    from galop.backends.scripted import ScriptedTokenizer

SCRIPTED_PREFIX = "scripted:"
"""A model source with this prefix names a model without weights: see `backends.scripted`."""


@dataclass(frozen=True, slots=True)
class ModelText:
    """What turns messages into the tokens of one model."""

    tokenizer: LlamaTokenizer | ScriptedTokenizer
    chat_template: str | None
    """Jinja source; None if the model file has none."""
    training_context: int
    """The context window that the model was trained for, in tokens; 0 if unknown."""


def open_model_text(source: str) -> ModelText:
    """Read the text part of a model. `source`: the path of a GGUF file, or `scripted:...`.

    Raises `galop.backends.llama.errors.ModelError`.
    """
    if source.startswith(SCRIPTED_PREFIX):
        from galop.backends.scripted import ScriptedTokenizer

        return ModelText(ScriptedTokenizer(), chat_template=None, training_context=0)

    from galop.backends.llama.model import LlamaModel
    from galop.backends.llama.tokenizer import LlamaTokenizer

    vocabulary = LlamaModel(Path(source), vocab_only=True)
    return ModelText(
        LlamaTokenizer(vocabulary),
        vocabulary.metadata("tokenizer.chat_template"),
        vocabulary.training_context,
    )
