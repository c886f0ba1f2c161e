"""The chat service over a scripted model, engine and all."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import jsonschema_rs
import pytest

from galop.chat import ChatService
from galop.chat.errors import (
    ContextLengthExceededError,
    InvalidParameterError,
    InvalidSchemaError,
    JsonValidateFailedError,
    ModelNotFoundError,
)
from galop.chat.events import ChoiceFinished, CompletionEvent, ContentDelta, Started, Usage
from galop.chat.request import ChatRequest, JsonSchemaFormat, Tool
from galop.grammar.factory import GrammarFactory
from galop.grammar.tokenizer import byte_vocabulary
from galop.protocol.errors import BudgetTooSmallError, EngineError, NoDocumentError
from galop.testing import ScriptedModel, ScriptedTokenizer
from galop.workers.local import LocalEngine
from server.tests.chat.conftest import ScriptedEngine, chat_request, chat_service


@asynccontextmanager
async def chatting(
    model: ScriptedModel | None = None,
) -> AsyncIterator[tuple[ChatService, LocalEngine]]:
    tokenizer = ScriptedTokenizer()
    runner = model or ScriptedModel(context_window=512)
    factory = GrammarFactory(byte_vocabulary(tokenizer))
    async with LocalEngine(runner, constraint_factory=factory) as engine:
        service = chat_service(engine, context_window=512, name="m", alias="alias")
        yield service, engine


def ask(text: str = "hello", **fields: object) -> ChatRequest:
    request = ChatRequest(
        request_id="req_1", model="m", messages=({"role": "user", "content": text},)
    )
    return dataclasses.replace(request, **fields)  # type: ignore[arg-type]  # a test's shorthand


async def events_of(service: ChatService, request: ChatRequest) -> list[CompletionEvent]:
    return [event async for event in service.complete(request)]


def text_of(events: list[CompletionEvent], choice: int = 0) -> str:
    return "".join(
        e.text for e in events if isinstance(e, ContentDelta) and e.choice_index == choice
    )


def reasons(events: list[CompletionEvent]) -> list[str]:
    return [event.finish_reason for event in events if isinstance(event, ChoiceFinished)]


async def test_events_come_in_order() -> None:
    """Started, deltas, the end of the choice, usage."""
    async with chatting() as (service, _):
        events = await events_of(service, ask("héllo ✓"))

    assert isinstance(events[0], Started)
    assert text_of(events) == "héllo ✓"
    assert events[-2] == ChoiceFinished(0, "stop")
    usage = events[-1]
    assert isinstance(usage, Usage)
    assert usage.completion_tokens == len("héllo ✓".encode()) + 1
    assert usage.prompt_time_s > 0


async def test_a_stop_sequence_ends_the_choice_and_its_generation() -> None:
    """Finish reason `stop`; tokens count up to the one that completed it."""
    async with chatting() as (service, engine):
        events = await events_of(service, ask("one, two, three", stop=(", t",)))
        is_idle = engine.client.is_idle

    assert text_of(events) == "one"
    assert reasons(events) == ["stop"]
    assert isinstance(events[-1], Usage)
    assert events[-1].completion_tokens == len("one, t")
    assert is_idle


async def test_stop_takes_precedence_over_length() -> None:
    """The last token of the budget completes the stop sequence."""
    async with chatting() as (service, _):
        events = await events_of(service, ask("abc", stop=("c",), max_tokens=3))
    assert (text_of(events), reasons(events)) == ("ab", ["stop"])


async def test_text_that_was_held_back_is_returned_at_the_end() -> None:
    """The budget ends inside a possible stop sequence."""
    async with chatting() as (service, _):
        events = await events_of(service, ask("abcdef", stop=("cdx",), max_tokens=4))
    assert (text_of(events), reasons(events)) == ("abcd", ["length"])


async def test_every_choice_has_an_index_and_an_end() -> None:
    """The usage covers all choices."""
    async with chatting() as (service, _):
        events = await events_of(service, ask("abc", num_choices=3))
    assert [text_of(events, choice) for choice in range(3)] == ["abc"] * 3
    assert reasons(events) == ["stop"] * 3
    assert isinstance(events[-1], Usage)
    assert events[-1].completion_tokens == 3 * 4


async def test_logprobs_are_sent_with_the_text_of_their_tokens() -> None:
    """One entry per token; those of an incomplete character are held back."""
    async with chatting() as (service, _):
        events = await events_of(service, ask("é", num_logprobs=1))
    (delta,) = [event for event in events if isinstance(event, ContentDelta)]
    assert delta.logprobs is not None
    assert b"".join(entry.token_bytes for entry in delta.logprobs) == "é".encode()
    assert delta.logprobs[0].top_logprobs[0].logprob == pytest.approx(delta.logprobs[0].logprob)


async def test_an_alias_is_resolved_and_an_unknown_id_is_refused() -> None:
    """There is no default model."""
    async with chatting() as (service, _):
        assert text_of(await events_of(service, ask(model="alias"))) == "hello"
        with pytest.raises(ModelNotFoundError):
            await events_of(service, ask(model="gpt-4"))


async def test_a_prompt_that_does_not_fit_is_refused_with_both_numbers() -> None:
    """Before anything is computed."""
    async with chatting() as (service, _):
        with pytest.raises(ContextLengthExceededError) as caught:
            await events_of(service, ask("x" * 600))
    assert caught.value.num_prompt_tokens > 600
    assert caught.value.max_prompt_tokens == 511


async def test_without_max_tokens_the_window_is_the_limit() -> None:
    """Prompt and completion fill it exactly."""
    async with chatting() as (service, _):
        events = await events_of(service, ask("x" * 400))
    usage = events[-1]
    assert isinstance(usage, Usage)
    assert usage.prompt_tokens + usage.completion_tokens == 512
    assert reasons(events) == ["length"]


async def test_closing_the_generator_cancels_the_request_in_the_engine() -> None:
    """Nothing runs on after the caller has left."""
    async with chatting(ScriptedModel("x" * 400, step_time_s=0.01)) as (service, engine):
        stream = service.complete(ask())
        assert isinstance(await anext(stream), Started)
        await stream.aclose()
        async with asyncio.timeout(5):
            while not engine.engine.scheduler.is_idle:
                await asyncio.sleep(0.01)
        assert engine.client.is_idle


async def test_cancelling_the_task_cancels_the_request_in_the_engine() -> None:
    """Also while it waits for the first event."""
    async with chatting(ScriptedModel("x" * 400, step_time_s=0.01)) as (service, engine):
        task = asyncio.create_task(events_of(service, ask()))
        await asyncio.sleep(0.03)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert engine.client.is_idle


async def test_json_mode_yields_a_json_object() -> None:
    """Also if the model would write prose around it."""
    async with chatting(ScriptedModel('Sure! {"a": [1, 2], "b": null} Enjoy.')) as (service, _):
        events = await events_of(
            service, ask("Answer in JSON", response_format="json_object", temperature=0.0)
        )
    assert isinstance(json.loads(text_of(events)), dict)
    assert reasons(events) == ["stop"]


async def test_json_mode_closes_the_document_within_its_budget() -> None:
    """A long document ends early and is valid."""
    model = ScriptedModel('{"name": "a long value that does not fit"}')
    async with chatting(model) as (service, _):
        events = await events_of(
            service, ask("JSON", response_format="json_object", temperature=0.0, max_tokens=32)
        )
    document = json.loads(text_of(events))
    assert "a long value that does not fit".startswith(document["name"])
    assert ChoiceFinished(0, "length", is_json_completed=True) in events
    assert isinstance(events[-1], Usage)
    assert events[-1].completion_tokens <= 32


async def test_json_mode_with_a_budget_below_the_smallest_object_is_refused() -> None:
    """Before anything is generated; the error has the number of tokens that are needed."""
    async with chatting(ScriptedModel('{"name": 1}')) as (service, _):
        with pytest.raises(BudgetTooSmallError, match="takes 2 tokens, and 1 are left"):
            await events_of(
                service,
                ask("JSON", response_format="json_object", temperature=0.0, max_tokens=1),
            )


async def test_a_stop_sequence_inside_a_json_document_closes_it() -> None:
    """The string ends before the stop sequence; the finish reason is `stop`."""
    async with chatting(ScriptedModel('{"name": "stop here", "b": 1}')) as (service, engine):
        events = await events_of(
            service, ask("JSON", response_format="json_object", temperature=0.0, stop=("here",))
        )
        assert engine.client.is_idle
    assert text_of(events) == '{"name": "stop "}'
    assert reasons(events) == ["stop"]


async def test_a_stopped_engine_is_an_engine_error() -> None:
    """The request does not hang."""
    async with chatting() as (service, engine):
        await engine.__aexit__(None, None, None)
        with pytest.raises(EngineError):
            await events_of(service, ask())


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "schema",
    [
        '{"contains":{"type":"string","const":"x"},"minContains":2,"type":"array"}',
        '{"type":"object","propertyNames":{"pattern":"^[A-Z]$"},"minProperties":2}',
    ],
)
async def test_a_schema_is_answered_or_refused_by_name(schema: str, strict: bool) -> None:
    """Where no document is found, in the server or only in the engine: never a bug of the server."""
    wanted = JsonSchemaFormat(name="s", schema=schema, is_strict=strict)
    request = ask("JSON", response_format="json_schema", json_schema=wanted, max_tokens=100)
    async with chatting() as (service, _):
        try:
            events = await events_of(service, request)
        except InvalidSchemaError:
            return
        except JsonValidateFailedError:
            if strict:
                raise
        else:
            assert jsonschema_rs.is_valid(json.loads(schema), json.loads(text_of(events)))


async def test_what_the_engine_finds_no_document_for_is_refused_by_name() -> None:
    """The request is at fault: the schema, or the functions."""
    wanted = JsonSchemaFormat(name="s", schema="{}")
    engine = ScriptedEngine([NoDocumentError()])
    service = chat_service(engine, context_window=2000)
    document = chat_request(response_format="json_schema", json_schema=wanted)
    with pytest.raises(InvalidSchemaError, match="no document was found"):
        await events_of(service, document)
    tool = Tool(name="f", parameters='{"type":"object"}')
    call = chat_request(tools=(tool,), tool_choice="required")
    with pytest.raises(InvalidParameterError, match="no call was found"):
        await events_of(service, call)
