"""A scripted engine, and builders of requests, services and engine events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from galop.chat import ChatModel, ChatService, ChatTemplate, EngineClient, ModelRegistry
from galop.chat.events import CompletionEvent, ContentDelta
from galop.chat.models import entries_of
from galop.chat.request import ChatRequest
from galop.protocol.errors import EngineError
from galop.protocol.events import Finished, Prefilled, TokenLogprob, Tokens
from galop.protocol.requests import GenerationRequest
from galop.testing import ScriptedTokenizer

EngineItem = Prefilled | Tokens | Finished | EngineError


class ScriptedGeneration:
    """Yields its items and records cancellations. Raises items that are errors."""

    def __init__(self, request: GenerationRequest, items: Sequence[EngineItem]) -> None:
        self.request = request
        self.items = list(items)
        self.cancelled: list[int] = []
        self.is_closed = False

    def __aiter__(self) -> ScriptedGeneration:
        return self

    async def __anext__(self) -> Prefilled | Tokens | Finished:
        if not self.items:
            raise StopAsyncIteration
        item = self.items.pop(0)
        if isinstance(item, EngineError):
            raise item
        return item

    def cancel_choice(self, choice_index: int) -> None:
        self.cancelled.append(choice_index)

    def close(self) -> None:
        self.is_closed = True


class ScriptedEngine:
    """Implements `chat.EngineClient`: every request gets the same items."""

    def __init__(self, items: Sequence[EngineItem] = ()) -> None:
        self.items = list(items)
        self.generations: list[ScriptedGeneration] = []

    @property
    def request(self) -> GenerationRequest:
        """The last one submitted."""
        return self.generations[-1].request

    @property
    def generation(self) -> ScriptedGeneration:
        return self.generations[-1]

    def submit(self, request: GenerationRequest) -> ScriptedGeneration:
        self.generations.append(ScriptedGeneration(request, self.items))
        return self.generations[-1]


PREFILLED = Prefilled(request_id="req_1", queue_time_s=0.5, prompt_time_s=0.25, num_cached_tokens=3)


def tokens(text: str | bytes, choice: int = 0) -> Tokens:
    """One event with the bytes of `text` as its tokens."""
    encoded = text.encode() if isinstance(text, str) else text
    return Tokens(request_id="req_1", choice_index=choice, token_ids=list(encoded))


def tokens_with_logprobs(text: str | bytes, choice: int = 0) -> Tokens:
    """The same, every token with log probability -1 and itself as the only alternative."""
    token_ids = list(text.encode() if isinstance(text, str) else text)
    logprobs = [TokenLogprob(token_id, -1.0, [(token_id, -1.0)]) for token_id in token_ids]
    return Tokens(
        request_id="req_1",
        choice_index=choice,
        token_ids=token_ids,
        logprobs=logprobs,
    )


def finished(num_tokens: int, choice: int = 0, **fields: object) -> Finished:
    values: dict[str, object] = {"finish_reason": "stop", "completion_time_s": 1.0}
    return Finished(
        request_id="req_1",
        choice_index=choice,
        num_completion_tokens=num_tokens,
        **(values | fields),  # type: ignore[arg-type]  # a test's shorthand
    )


def chat_request(text: str = "Say it in JSON.", **fields: object) -> ChatRequest:
    values: dict[str, object] = {
        "request_id": "req_1",
        "model": "tiny",
        "messages": ({"role": "user", "content": text},),
    }
    return ChatRequest(**(values | fields))  # type: ignore[arg-type]  # a test's shorthand


def chat_service(
    engine: EngineClient,
    clock: Callable[[], float] = lambda: 0.0,
    *,
    template: str | None = None,
    context_window: int = 200,
    name: str = "tiny",
    alias: str = "llama3-8b-8192",
) -> ChatService:
    """One scripted model under its name and an alias."""
    model = ChatModel(
        name,
        tokenizer=ScriptedTokenizer(),
        template=ChatTemplate(template, bos_token="", eos_token="<|im_end|>"),
        engine=engine,
        context_window=context_window,
        system_fingerprint="fp_0123456789",
    )
    return ChatService(ModelRegistry(entries_of(model, created=1, aliases=[alias])), clock=clock)


async def collect(events: AsyncIterator[CompletionEvent]) -> list[CompletionEvent]:
    return [event async for event in events]


def text_of(events: Sequence[CompletionEvent], choice: int = 0) -> str:
    return "".join(
        event.text
        for event in events
        if isinstance(event, ContentDelta) and event.choice_index == choice
    )


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()
