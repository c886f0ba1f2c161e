"""The chat service: a request becomes a stream of completion events.

template -> token ids -> budget -> engine -> detokenizer -> stop -> events. There is one path: the
answer in one piece is `fold` over the same events.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import NoReturn, Protocol

from galop.chat.budget import completion_budget
from galop.chat.choice import Choice
from galop.chat.errors import JsonValidateFailedError, ModelNotFoundError
from galop.chat.events import (
    ChoiceFinished,
    CompletionEvent,
    Delta,
    FinishReason,
    Started,
    Usage,
)
from galop.chat.prompt import encode_prompt, with_json_instruction
from galop.chat.request import ChatRequest, ModelCard
from galop.chat.template import ChatTemplate
from galop.chat.tokenizer import Tokenizer
from galop.engine.generation import (
    ConstraintSpec,
    Finished,
    GenerationRequest,
    Prefilled,
    SamplingParams,
    Tokens,
)

logger = logging.getLogger("galop.chat")


class Generation(Protocol):
    """A request in the engine: its events, and how to end it early."""

    def __aiter__(self) -> AsyncIterator[Prefilled | Tokens | Finished]: ...

    def cancel_choice(self, choice_index: int) -> None:
        """Generate no more for one choice."""

    def close(self) -> None:
        """Cancel what is still open; idempotent."""


class Engine(Protocol):
    """What generates tokens. Implemented by `worker`."""

    def generate(self, request: GenerationRequest) -> Generation:
        """Submit. Raises `EngineError` subclasses at once if refused; the iterator raises later."""

    def readiness(self) -> str | None:
        """None when requests are taken, else why not."""


class ChatService:
    """One model under one or more names."""

    def __init__(
        self,
        *,
        engine: Engine,
        tokenizer: Tokenizer,
        template: ChatTemplate,
        models: Sequence[ModelCard],
        system_fingerprint: str,
    ) -> None:
        self.models: Sequence[ModelCard] = tuple(models)
        self.system_fingerprint = system_fingerprint
        self._cards = {card.id: card for card in models}
        self._engine = engine
        self._tokenizer = tokenizer
        self._template = template

    @property
    def vocab_size(self) -> int:
        """Token ids are below this."""
        return self._tokenizer.vocab_size

    def readiness(self) -> str | None:
        """None when requests are taken, else why not."""
        return self._engine.readiness()

    def resolve(self, model_id: str) -> ModelCard:
        """The entry of that name. Raises `ModelNotFoundError`."""
        try:
            return self._cards[model_id]
        except KeyError:
            raise ModelNotFoundError(model_id) from None

    async def complete(self, request: ChatRequest) -> AsyncGenerator[CompletionEvent, None]:
        """The events of one completion, `Started` first, `Usage` last.

        Closing the generator cancels what the engine still does for it. Raises `ChatError` and
        `EngineError` subclasses.
        """
        generation_request = self._prepare(request)
        generation = self._engine.generate(generation_request)
        completion = _Completion(request, self._tokenizer, generation)
        try:
            async for event in completion.events():
                yield event
            usage = completion.usage(len(generation_request.prompt_token_ids))
            _log_finished(request, usage)
            yield usage
        finally:
            generation.close()

    def _prepare(self, request: ChatRequest) -> GenerationRequest:
        card = self.resolve(request.model)
        is_json = request.response_format == "json_object"
        messages = with_json_instruction(request.messages) if is_json else request.messages
        prompt = encode_prompt(messages, self._template, self._tokenizer)
        return GenerationRequest(
            request_id=request.request_id,
            prompt_token_ids=prompt,
            max_tokens=completion_budget(len(prompt), request.max_tokens, card.context_window),
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
            constraint=ConstraintSpec(kind="json_object") if is_json else None,
        )


class _Completion:
    """The state of one completion while its events come."""

    def __init__(self, request: ChatRequest, tokenizer: Tokenizer, generation: Generation) -> None:
        self._generation = generation
        self._is_json = request.response_format == "json_object"
        self._choices = [
            Choice(index, tokenizer, request.stop) for index in range(request.num_choices)
        ]
        self._texts: list[list[str]] = [[] for _ in self._choices]
        """What each choice said so far, kept in JSON mode for the check at its end."""
        self._prefilled: Prefilled | None = None
        self._num_completion_tokens = 0
        self._completion_time_s = 0.0

    async def events(self) -> AsyncIterator[Started | Delta | ChoiceFinished]:
        """Everything but the usage."""
        async for event in self._generation:
            if isinstance(event, Prefilled):
                self._prefilled = event
                yield Started()
                continue
            choice = self._choices[event.choice_index]
            if choice.has_met_stop():
                continue  # what the engine said before it heard of the stop sequence
            if isinstance(event, Tokens):
                delta = choice.feed(event.token_ids, event.logprobs)
                if delta is not None:
                    yield self._kept(delta)
                if choice.has_met_stop():
                    self._generation.cancel_choice(choice.index)
                    self._count(choice.num_tokens, event.completion_time_s)
                    yield self._finish(choice.index, "stop", is_whole=False)
            else:
                delta = choice.flush()
                if delta is not None:
                    yield self._kept(delta)
                self._count(event.num_completion_tokens, event.completion_time_s)
                reason = "stop" if choice.has_met_stop() else event.finish_reason
                yield self._finish(choice.index, reason, is_whole=event.is_constraint_satisfied)

    def usage(self, num_prompt_tokens: int) -> Usage:
        """What all of it took; choices run side by side, so the longest time counts."""
        prefilled = self._prefilled
        assert prefilled is not None, "a completion cannot end before its prompt is prefilled"
        return Usage(
            queue_time_s=prefilled.queue_time_s,
            prompt_tokens=num_prompt_tokens,
            prompt_time_s=prefilled.prompt_time_s,
            completion_tokens=self._num_completion_tokens,
            completion_time_s=self._completion_time_s,
            cached_tokens=prefilled.num_cached_tokens,
        )

    def _kept(self, delta: Delta) -> Delta:
        if self._is_json:
            self._texts[delta.choice_index].append(delta.text)
        return delta

    def _count(self, num_tokens: int, time_s: float) -> None:
        self._num_completion_tokens += num_tokens
        self._completion_time_s = max(self._completion_time_s, time_s)

    def _finish(self, choice_index: int, reason: FinishReason, *, is_whole: bool) -> ChoiceFinished:
        if self._is_json:
            _check_json_object("".join(self._texts[choice_index]), reason, is_whole=is_whole)
        return ChoiceFinished(choice_index, reason)


def _check_json_object(text: str, reason: FinishReason, *, is_whole: bool) -> None:
    """Raise `JsonValidateFailedError` unless `text` is one JSON object and nothing else."""
    if not is_whole and reason == "length":
        raise JsonValidateFailedError(
            "max completion tokens reached before generating a valid document",
            failed_generation=text,
        )
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        if reason == "stop" and not is_whole:
            why = "a stop sequence ended the document before it was complete"
        else:
            why = f"the output is not valid JSON: {error}"
        raise JsonValidateFailedError(why, failed_generation=text) from error
    if not isinstance(document, dict):
        raise JsonValidateFailedError("the output is not a JSON object", failed_generation=text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _log_finished(request: ChatRequest, usage: Usage) -> None:
    logger.info(
        "%s done: %d prompt tokens (%d cached) in %.3f s after %.3f s in the queue, "
        "%d completion tokens in %.3f s",
        request.request_id,
        usage.prompt_tokens,
        usage.cached_tokens,
        usage.prompt_time_s,
        usage.queue_time_s,
        usage.completion_tokens,
        usage.completion_time_s,
    )
