"""The models that conversations are completed with: id -> tokenizer, template, format, engine, limits."""

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

    Iterating raises `EngineError` if the request ends without an answer.
    """

    def __aiter__(self) -> AsyncIterator[Prefilled | Tokens | Finished]: ...

    def cancel_choice(self, choice_index: int) -> None:
        """Generate no more for this choice. Its events that are on the way may still come."""

    def close(self) -> None:
        """Cancel all that still runs; idempotent."""


class Engine(Protocol):
    """Completes token ids."""

    def submit(self, request: GenerationRequest) -> Generation:
        """The events of a request. Raises `EngineError` at once if it is refused."""


class ChatModel:
    """One model: how text becomes its tokens, how it calls and reasons, and the engine that runs it."""

    def __init__(
        self,
        name: str,
        *,
        tokenizer: Tokenizer,
        template: ChatTemplate,
        engine: Engine,
        context_window: int,
        system_fingerprint: str,
    ) -> None:
        self.name = name
        self.engine = engine
        self.context_window = context_window
        """Tokens of prompt and answer together."""
        self.system_fingerprint = system_fingerprint
        """`fp_` and 10 hexadecimal digits: changes when the same seed may give other bytes."""
        self.vocab_size = tokenizer.vocab_size
        """Token ids are 0 to `vocab_size - 1`."""
        self.format = ModelFormat(template, tokenizer)
        self.prompt_encoder = PromptEncoder(template, tokenizer)
        self.texts = TokenTexts(tokenizer)
        """For answers in which nothing is looked for."""
        self.texts_with_markers = TokenTexts(tokenizer, self.format.markers)
        """The same, with the control tokens that calls and reasoning are written with as text."""

    def __repr__(self) -> str:
        return f"<ChatModel {self.name}, {self.context_window} tokens>"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model under one of its ids."""

    card: ModelCard
    """What the API says of it."""
    model: ChatModel


class ModelRegistry:
    """Every id that requests may name."""

    def __init__(self, entries: Sequence[ModelEntry]) -> None:
        """`entries`: in the order in which they are listed."""
        self._entries: Mapping[str, ModelEntry] = {entry.card.id: entry for entry in entries}

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """Every model and alias, in the order to list them."""
        return tuple(entry.card for entry in self._entries.values())

    def resolve(self, model_id: str) -> ModelEntry:
        """The model of an id or alias. Raises `ModelNotFoundError`."""
        entry = self._entries.get(model_id)
        if entry is None:
            raise ModelNotFoundError(model_id)
        return entry


def entries_of(model: ChatModel, *, created: int, aliases: Sequence[str] = ()) -> list[ModelEntry]:
    """A model under its name, then under its aliases. `created`: Unix seconds."""

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
