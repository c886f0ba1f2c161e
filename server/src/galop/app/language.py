"""The model's vocabulary and chat template, as the server process needs them.

Imports little, so that a command can load them on a thread while it imports the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from galop.app.served_model import ServedModel
from galop.settings import Settings

if TYPE_CHECKING:
    from galop.chat import ChatTemplate, Tokenizer


@dataclass(frozen=True, slots=True)
class Language:
    """How text becomes tokens for one model, and how much of it fits."""

    tokenizer: Tokenizer
    template: ChatTemplate
    context_window: int


def load_language(settings: Settings, model: ServedModel) -> Language:
    """Read them from the model's file. Raises `galop.llama.ModelError`."""
    return _scripted(settings) if model.is_scripted else _of_file(settings, model)


def _scripted(settings: Settings) -> Language:
    from galop.chat import ChatTemplate
    from galop.testing import ScriptedTokenizer

    scripted = ScriptedTokenizer()
    template = ChatTemplate(None, bos_token=scripted.bos_token, eos_token=scripted.eos_token)
    return Language(scripted, template, settings.context_window)


def _of_file(settings: Settings, model: ServedModel) -> Language:
    from galop.llama.errors import ModelFileError
    from galop.llama.model import LlamaModel
    from galop.llama.tokenizer import LlamaTokenizer

    vocabulary = LlamaModel(model.path, vocab_only=True)
    tokenizer = LlamaTokenizer(vocabulary)

    from galop.chat import ChatTemplate
    from galop.chat.errors import TemplateError

    try:
        template = ChatTemplate(
            vocabulary.metadata("tokenizer.chat_template"),
            bos_token=tokenizer.bos_token,
            eos_token=tokenizer.eos_token,
        )
    except TemplateError as error:
        raise ModelFileError(model.path, error.reason) from error
    window = min(settings.context_window, vocabulary.training_context or settings.context_window)
    return Language(tokenizer, template, window)
