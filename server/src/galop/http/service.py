"""What this room needs from the one below it: something that completes conversations."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from galop.chat import ChatModel, Meter, ModelRegistry, PreparedRequest
from galop.chat.events import CompletionEvent
from galop.chat.request import ChatRequest


class ChatService(Protocol):
    """A conversation goes in, events come out."""

    @property
    def models(self) -> ModelRegistry:
        """Every id that requests may name."""

    async def prepare(self, request: ChatRequest, model: ChatModel) -> PreparedRequest:
        """Everything that can be done before a request gets a place in the engine. Raises ChatError."""

    def run(
        self, prepared: PreparedRequest, meter: Meter | None = None
    ) -> AsyncGenerator[CompletionEvent, None]:
        """The events of one completion, Started first and Usage last.

        Raises ChatError and EngineError from the first `anext` or from a later one. `aclose()`, and
        cancelling a pending `anext`, frees the sequences of the request.
        """
