"""The model's vocabulary and chat template, as the server process needs them.

Imports little, so that a command can load them on a thread while it imports the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from galop.app.configuration import Configuration
from galop.app.served_model import ServedModel
from galop.settings import SettingError, Settings

if TYPE_CHECKING:
    from galop.chat import ChatTemplate, Tokenizer


@dataclass(frozen=True, slots=True)
class Language:
    """How text becomes tokens for one model, and how much of it fits."""

    tokenizer: Tokenizer
    template: ChatTemplate
    context_window: int


def load_language(configuration: Configuration, model: ServedModel) -> Language:
    """Read them from the model's file. Raises `galop.llama.ModelError` and `SettingError`."""
    if model.is_scripted:
        return _scripted(configuration.settings)
    return _of_file(configuration, model)


def served_window(configuration: Configuration, training_context: int) -> int:
    """The context window: a default gives way to what the model was trained for (0: not known), a window
    that somebody asked for does not. Raises `SettingError`."""
    window = configuration.settings.context_window
    if not training_context or window <= training_context:
        return window
    if configuration.origins["context_window"] != "default":
        raise SettingError(
            configuration.source_of("context_window"),
            f"{window} tokens are more than the {training_context} that the model was trained for",
        )
    return training_context


def _scripted(settings: Settings) -> Language:
    from galop.chat import ChatTemplate
    from galop.testing import ScriptedTokenizer

    scripted = ScriptedTokenizer()
    template = ChatTemplate(None, bos_token=scripted.bos_token, eos_token=scripted.eos_token)
    return Language(scripted, template, settings.context_window)


def _of_file(configuration: Configuration, model: ServedModel) -> Language:
    from galop.llama.errors import ModelFileError
    from galop.llama.model import LlamaModel
    from galop.llama.tokenizer import LlamaTokenizer

    vocabulary = LlamaModel(model.path, vocab_only=True)
    window = served_window(configuration, vocabulary.training_context)
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
    return Language(tokenizer, template, window)
