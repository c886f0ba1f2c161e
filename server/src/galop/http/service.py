"""The interface of the chat service that this room calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from galop.chat import ChatModel, Meter, ModelRegistry, PreparedRequest
from galop.chat.events import CompletionEvent
from galop.chat.request import ChatRequest


class ChatService(Protocol):
    """Prepares and runs completions."""

    @property
    def models(self) -> ModelRegistry:
        """The models and aliases that requests may name."""

    async def prepare(self, request: ChatRequest, model: ChatModel) -> PreparedRequest:
        """Renders and tokenizes the prompt and compiles the constraint of a request. Raises ChatError."""

    def run(
        self, prepared: PreparedRequest, meter: Meter | None = None
    ) -> AsyncGenerator[CompletionEvent, None]:
        """The events of one completion, Started first and Usage last.

        Raises ChatError and EngineError from the first `anext` or from a later one. `aclose()`, and
        cancelling a pending `anext`, frees the sequences of the request.
        """
