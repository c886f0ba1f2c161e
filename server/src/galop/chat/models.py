"""The registry of models: id -> tokenizer, template, format, engine, context window."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from galop.chat.errors import ModelNotFoundError
from galop.chat.model_format import ModelFormat
from galop.chat.output.detokenizer import TokenTexts
from galop.chat.prompt.encoder import PromptEncoder
from galop.chat.prompt.template import ChatTemplate
from galop.chat.request import ModelCard
from galop.chat.tokenizer import Tokenizer
from galop.protocol.events import Finished, Prefilled, Tokens
from galop.protocol.requests import GenerationRequest


class Generation(Protocol):
    """The engine's events for one request, in order, until every choice has ended.

    Iterating raises `EngineError` if the request fails.
    """

    def __aiter__(self) -> AsyncIterator[Prefilled | Tokens | Finished]: ...

    def cancel_choice(self, choice_index: int) -> None:
        """Stop generating this choice. Events that were already sent may still arrive."""

    def close(self) -> None:
        """Cancel every choice that still runs; idempotent."""


class EngineClient(Protocol):
    """An engine, or several, in other processes or in this one."""

    def submit(self, request: GenerationRequest) -> Generation:
        """Send a request. Raises `EngineError` at once if it is refused."""


class ChatModel:
    """One model: tokenizer, chat template, format of calls and reasoning, engine."""

    def __init__(
        self,
        name: str,
        *,
        tokenizer: Tokenizer,
        template: ChatTemplate,
        engine: EngineClient,
        context_window: int,
        system_fingerprint: str,
    ) -> None:
        self.name = name
        self.engine = engine
        self.context_window = context_window
        """Tokens of prompt and completion together."""
        self.system_fingerprint = system_fingerprint
        """`fp_` and 10 hexadecimal digits: changes when the same seed may give other bytes."""
        self.vocab_size = tokenizer.vocab_size
        """Token ids are 0 to `vocab_size - 1`."""
        self.format = ModelFormat(template, tokenizer)
        self.prompt_encoder = PromptEncoder(template, tokenizer)
        self.token_texts = TokenTexts(tokenizer)
        """For answers without calls and reasoning."""
        self.token_texts_with_markers = TokenTexts(tokenizer, self.format.markers)
        """For other answers: the control tokens that delimit calls and reasoning have a text."""

    def __repr__(self) -> str:
        return f"<ChatModel {self.name}, {self.context_window} tokens>"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model under its name or under an alias."""

    card: ModelCard
    model: ChatModel


class ModelRegistry:
    """The models of a server, by name and alias."""

    def __init__(self, entries: Sequence[ModelEntry]) -> None:
        """`entries`: in the order in which GET /models lists them."""
        self._entries: Mapping[str, ModelEntry] = {entry.card.id: entry for entry in entries}

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """Every model and alias, in the order in which GET /models lists them."""
        return tuple(entry.card for entry in self._entries.values())

    def resolve(self, model_id: str) -> ModelEntry:
        """The entry of a name or alias. Raises `ModelNotFoundError`."""
        entry = self._entries.get(model_id)
        if entry is None:
            raise ModelNotFoundError(model_id)
        return entry


def entries_of(model: ChatModel, *, created: int, aliases: Sequence[str] = ()) -> list[ModelEntry]:
    """The entries of a model: its name, then its aliases. `created`: Unix seconds."""

    def entry(model_id: str, alias_of: str | None) -> ModelEntry:
        card = ModelCard(
            id=model_id,
            created=created,
            owned_by="galop",
            context_window=model.context_window,
            max_completion_tokens=model.context_window,
            alias_of=alias_of,
        )
        return ModelEntry(card, model)

    return [entry(model.name, None), *(entry(alias, model.name) for alias in aliases)]
