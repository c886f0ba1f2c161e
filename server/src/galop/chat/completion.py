"""A conversation becomes a completion: template, tokens, budget, engine, text.

Knows no HTTP and no model: the engine and the vocabulary are handed in. The only place of this room
that waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from galop.chat.answer import Answer
from galop.chat.budget import completion_budget
from galop.chat.detokenizer import TokenTexts
from galop.chat.dialect import Dialect
from galop.chat.documents import DocumentKind, document_kind
from galop.chat.errors import CallBudgetTooSmallError, ModelNotFoundError
from galop.chat.events import CompletionEvent
from galop.chat.meter import Meter
from galop.chat.prompt import Prompt, PromptEncoder
from galop.chat.reading import Reading
from galop.chat.reasoning import is_opened_by, opened_thinking
from galop.chat.request import ChatRequest, ModelCard, TemplateMessage
from galop.chat.template import ChatTemplate, strings_in
from galop.chat.tokenizer import Tokenizer
from galop.chat.tools import Toolbox
from galop.protocol.constraints import ConstraintSpec
from galop.protocol.errors import BudgetTooSmallError
from galop.protocol.events import Finished, Prefilled, Tokens
from galop.protocol.requests import GenerationRequest, SamplingParams

_LONG_CONVERSATION_CHARS = 20_000
"""Longer ones are encoded on a thread. 20,000 characters take about 10 ms."""


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

    def require_room(self, num_choices: int, key_id: str) -> None:
        """Raises the `EngineError` with which so many choices of a key would be refused now, whatever
        they ask."""

    def generate(self, request: GenerationRequest) -> Generation:
        """Submit. Raises `EngineError` at once if the request is refused."""

    def readiness(self) -> str | None:
        """None when requests are taken, otherwise why not."""

    def load(self) -> tuple[int, int]:
        """How many choices run and how many wait, as of the engine's last step."""


class ChatService:
    """Completes conversations with one model, under its name and its aliases."""

    def __init__(
        self,
        *,
        engine: Engine,
        tokenizer: Tokenizer,
        template: ChatTemplate,
        models: Sequence[ModelCard],
        system_fingerprint: str,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.models = tuple(models)
        self.vocab_size = tokenizer.vocab_size
        self.system_fingerprint = system_fingerprint
        self._cards: Mapping[str, ModelCard] = {card.id: card for card in models}
        self._clock = clock
        self._engine = engine
        self._prompt_encoder = PromptEncoder(template, tokenizer)
        self._dialect = Dialect(template, tokenizer)
        self._texts = TokenTexts(tokenizer)
        self._texts_with_markers = TokenTexts(tokenizer, self._dialect.markers)

    def resolve(self, model_id: str) -> ModelCard:
        """The card of a model or alias. Raises `ModelNotFoundError`."""
        card = self._cards.get(model_id)
        if card is None:
            raise ModelNotFoundError(model_id)
        return card

    def readiness(self) -> str | None:
        """None when requests are answered now, otherwise why not."""
        return self._engine.readiness()

    def require_room(self, key_id: str) -> None:
        """Raises the `EngineError` with which every request of this key would be refused now."""
        self._engine.require_room(1, key_id)

    def load(self) -> tuple[int, int]:
        """How many choices the engine works on, and how many wait for it."""
        return self._engine.load()

    async def complete(self, request: ChatRequest) -> AsyncGenerator[CompletionEvent, None]:
        """The events of one completion: Started first, Usage last.

        Raises `ChatError`, `EngineError` and what the request's meter raises, before Started or
        later. Closing the generator, or cancelling the task that waits for it, frees what the engine
        holds for the request.
        """
        card = self.resolve(request.model)
        # Before there is any work in it.
        self._engine.require_room(request.num_choices, request.key_id)
        reading = Reading(
            document_kind=await self._document_kind(request),
            toolbox=await self._toolbox(request),
            reasoning=self._dialect.reasoning.plan(request),
        )
        prompt = await self._encode(request, reading)
        reading = replace(reading, is_thinking_open=is_opened_by(prompt.text))
        max_tokens = completion_budget(
            num_prompt_tokens=len(prompt.token_ids),
            context_window=card.context_window,
            max_tokens=request.max_tokens,
        )
        meter = request.meter or Meter()
        await meter.admit(len(prompt.token_ids), max_tokens * request.num_choices)
        constraint = self._dialect.constraint(reading, max_tokens)
        generation = self._engine.generate(
            _generation_request(request, prompt.token_ids, max_tokens, constraint)
        )
        try:
            answer = Answer(
                request,
                self._texts if reading.is_plain else self._texts_with_markers,
                self._clock,
                num_prompt_tokens=len(prompt.token_ids),
                reading=reading,
                count_tokens=self._prompt_encoder.count,
            )
            async for event in generation:
                meter.take(event, num_prompt_tokens=len(prompt.token_ids))
                events, cancelled_choice = answer.take(event)
                if cancelled_choice is not None:
                    generation.cancel_choice(cancelled_choice)
                for completion_event in events:
                    yield completion_event
                if not answer.open_choices:
                    break
            usage = answer.usage()
            meter.close(usage)
            yield usage
        except BudgetTooSmallError as error:
            if reading.document_kind is not None:
                raise
            raise CallBudgetTooSmallError(
                num_tokens_needed=error.num_tokens_needed, num_tokens=error.num_tokens
            ) from error
        finally:
            generation.close()

    async def _document_kind(self, request: ChatRequest) -> DocumentKind | None:
        if request.json_schema is None:
            return document_kind(request)
        return await asyncio.to_thread(document_kind, request)

    async def _toolbox(self, request: ChatRequest) -> Toolbox | None:
        toolbox = self._dialect.toolbox(request)
        if toolbox is not None:
            await asyncio.to_thread(toolbox.require_grammar)
        return toolbox

    async def _encode(self, request: ChatRequest, reading: Reading) -> Prompt:
        num_chars = sum(map(len, strings_in(request.messages)))
        num_chars += sum(len(tool.parameters) for tool in request.tools)
        if num_chars > _LONG_CONVERSATION_CHARS:
            return await asyncio.to_thread(self._encode_now, request, reading)
        return self._encode_now(request, reading)

    def _encode_now(self, request: ChatRequest, reading: Reading) -> Prompt:
        messages: Sequence[TemplateMessage] = request.messages
        if reading.document_kind is not None:
            messages = reading.document_kind.with_instruction(messages)
        messages, tools = self._dialect.prepare(request, messages)
        reasoning = reading.reasoning
        return self._prompt_encoder.encode(
            messages,
            tools=tools,
            variables=None if reasoning is None else reasoning.template_variables,
            opening=opened_thinking if reasoning is not None and reading.is_constrained else None,
        )


def _generation_request(
    request: ChatRequest, prompt: list[int], max_tokens: int, constraint: ConstraintSpec | None
) -> GenerationRequest:
    return GenerationRequest(
        request_id=request.request_id,
        prompt_token_ids=prompt,
        max_tokens=max_tokens,
        num_choices=request.num_choices,
        sampling=SamplingParams(
            temperature=request.temperature,
            top_p=request.top_p,
            seed=request.seed,
            frequency_penalty=request.frequency_penalty,
            presence_penalty=request.presence_penalty,
            logit_bias=dict(request.logit_bias or {}),
            num_logprobs=request.num_logprobs,
        ),
        constraint=constraint,
        key_id=request.key_id,
        service_tier=request.service_tier,
    )
