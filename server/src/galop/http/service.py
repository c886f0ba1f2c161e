"""What this room needs from the one below it: something that completes conversations."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from galop.chat.events import CompletionEvent
from galop.chat.request import ChatRequest, ModelCard


class ChatService(Protocol):
    """A conversation goes in, events come out."""

    @property
    def models(self) -> Sequence[ModelCard]:
        """Every model and alias, in the order to list them."""

    @property
    def vocab_size(self) -> int:
        """Token ids are 0 to `vocab_size - 1`. May raise EngineUnavailableError before it is known."""

    @property
    def system_fingerprint(self) -> str:
        """`fp_` and 10 hexadecimal digits: changes when the same seed may give other bytes."""

    def resolve(self, model_id: str) -> ModelCard:
        """The card of a model or alias; raises ModelNotFoundError."""

    def readiness(self) -> str | None:
        """None when requests are answered now, otherwise why not. Must not block."""

    def require_room(self, key_id: str) -> None:
        """Raises the EngineError with which every request of this key (empty: of nobody in particular)
        would be refused now. Must not block."""

    def load(self) -> tuple[int, int]:
        """How many choices the engine works on, and how many wait for it. Must not block."""

    def complete(self, request: ChatRequest) -> AsyncGenerator[CompletionEvent, None]:
        """The events of one completion, Started first and Usage last.

        Raises ChatError and EngineError from the first `anext` or from a later one. `aclose()`, and
        cancelling a pending `anext`, frees the sequences of the request.
        """
