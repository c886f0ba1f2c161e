"""Completes conversations: `prepare` turns a request into an engine's request, `run` turns the engine's
events into completion events.

Knows no HTTP and no backend. The only module of this room with coroutines.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

from galop.chat.budget import completion_budget
from galop.chat.errors import (
    CallBudgetTooSmallError,
    ChatError,
    InvalidParameterError,
    InvalidSchemaError,
)
from galop.chat.events import CompletionEvent, Usage
from galop.chat.models import ChatModel, ModelRegistry
from galop.chat.output.documents import document_spec
from galop.chat.output.processor import OutputProcessor
from galop.chat.output.reasoning import is_thinking_open, missing_think_tag
from galop.chat.output.spec import OutputSpec
from galop.chat.prompt.encoder import Prompt
from galop.chat.request import ChatRequest, TemplateMessage
from galop.chat.tools.toolset import Toolset, check_tools
from galop.chat.usage_meter import UsageMeter
from galop.protocol.constraints import ConstraintSpec
from galop.protocol.errors import BudgetTooSmallError, NoDocumentError
from galop.protocol.events import Finished, Prefilled, Tokens
from galop.protocol.requests import GenerationRequest, SamplingParams


class Meter(Protocol):
    """Observes what a request uses while it runs. Must not block and must not raise."""

    def record(self, event: Prefilled | Tokens | Finished, *, num_prompt_tokens: int) -> None:
        """The engine sent this event."""

    def choice_ended(self) -> None:
        """A choice has ended, in the engine or by a stop sequence."""

    def completed(self, usage: Usage) -> None:
        """All choices have ended; the caller receives this usage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRequest:
    """A request with its encoded prompt, its budget and a constraint that compiles."""

    request: ChatRequest
    model: ChatModel
    prompt_token_ids: list[int]
    max_tokens: int
    """Budget of each choice, in tokens: at least 1, within the context window."""
    output: OutputSpec
    constraint: ConstraintSpec | None
    """None: free text."""

    @property
    def num_prompt_tokens(self) -> int:
        """Tokens of the prompt."""
        return len(self.prompt_token_ids)

    @property
    def max_completion_tokens(self) -> int:
        """Most tokens of all choices together."""
        return self.max_tokens * self.request.num_choices

    @property
    def generation_request(self) -> GenerationRequest:
        """The request to the engine."""
        request = self.request
        return GenerationRequest(
            request_id=request.request_id,
            prompt_token_ids=self.prompt_token_ids,
            max_tokens=self.max_tokens,
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
            constraint=self.constraint,
            key_id=request.key_id,
            service_tier=request.service_tier,
        )


class ChatService:
    """Completes conversations with the models of a registry."""

    def __init__(
        self, models: ModelRegistry, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.models = models
        self._clock = clock

    async def prepare(self, request: ChatRequest, model: ChatModel) -> PreparedRequest:
        """Compile schemas, render and encode the prompt, compute the budget. Raises `ChatError`."""
        # On a thread: rendering waits for another process, and 20,000 characters take 10 ms to encode.
        return await asyncio.to_thread(_prepare, request, model)

    async def run(
        self, prepared: PreparedRequest, meter: Meter | None = None
    ) -> AsyncGenerator[CompletionEvent, None]:
        """The events of one completion, see `chat.events`.

        Raises `ChatError` and `EngineError`, before `Started` or later. Closing the generator, or
        cancelling the task that awaits it, cancels the request in the engine.
        """
        meter = meter or UsageMeter()
        model = prepared.model
        processor = OutputProcessor(
            prepared.request,
            model.token_texts if prepared.output.is_plain else model.token_texts_with_markers,
            self._clock,
            num_prompt_tokens=prepared.num_prompt_tokens,
            output=prepared.output,
            count_tokens=model.prompt_encoder.count,
        )
        generation = model.engine.submit(prepared.generation_request)
        try:
            async for event in generation:
                meter.record(event, num_prompt_tokens=prepared.num_prompt_tokens)
                num_open = len(processor.open_choices)
                events, cancelled_choice = processor.process(event)
                if cancelled_choice is not None:
                    generation.cancel_choice(cancelled_choice)
                if len(processor.open_choices) < num_open:
                    meter.choice_ended()
                for completion_event in events:
                    yield completion_event
                if not processor.open_choices:
                    break
            usage = processor.usage()
            meter.completed(usage)
            yield usage
        except BudgetTooSmallError as error:
            if prepared.output.document is not None:
                raise
            raise CallBudgetTooSmallError(
                num_tokens_needed=error.num_tokens_needed, num_tokens=error.num_tokens
            ) from error
        except NoDocumentError as error:
            raise _unsatisfied(prepared.request) from error
        finally:
            generation.close()

    async def complete(self, request: ChatRequest) -> AsyncGenerator[CompletionEvent, None]:
        """`prepare` and `run` without admission. Also raises `ModelNotFoundError`."""
        prepared = await self.prepare(request, self.models.resolve(request.model).model)
        async with aclosing(self.run(prepared)) as events:
            async for event in events:
                yield event


def _prepare(request: ChatRequest, model: ChatModel) -> PreparedRequest:
    output = OutputSpec(
        document=document_spec(request),
        toolset=_toolset(request, model),
        reasoning=model.format.reasoning.plan(request),
    )
    prompt = _encode(request, model, output)
    output = replace(output, is_thinking_open=is_thinking_open(prompt.text))
    max_tokens = completion_budget(
        num_prompt_tokens=len(prompt.token_ids),
        context_window=model.context_window,
        max_tokens=request.max_tokens,
    )
    return PreparedRequest(
        request=request,
        model=model,
        prompt_token_ids=prompt.token_ids,
        max_tokens=max_tokens,
        output=output,
        constraint=model.format.constraint(output, max_tokens),
    )


def _toolset(request: ChatRequest, model: ChatModel) -> Toolset | None:
    check_tools(request.tools)
    toolset = model.format.toolset(request)
    if toolset is not None:
        toolset.compile()
    return toolset


def _encode(request: ChatRequest, model: ChatModel, output: OutputSpec) -> Prompt:
    messages: Sequence[TemplateMessage] = request.messages
    if output.document is not None:
        messages = output.document.with_instruction(messages)
    messages, tools = model.format.template_input(request, messages)
    reasoning = output.reasoning
    return model.prompt_encoder.encode(
        messages,
        tools=tools,
        variables=None if reasoning is None else reasoning.template_variables,
        answer_prefix=missing_think_tag
        if reasoning is not None and output.is_constrained
        else None,
    )


def _unsatisfied(request: ChatRequest) -> ChatError:
    """The error for a request for which the engine found nothing that it could write."""
    reason = "asks for what no document was found to satisfy"
    if request.json_schema is not None and request.tool_choice == "none":
        return InvalidSchemaError(request.json_schema.name, pointer="", reason=reason)
    return InvalidParameterError(
        "tools", "no call was found that satisfies a function's parameters"
    )
