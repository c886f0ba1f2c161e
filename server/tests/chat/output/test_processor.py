"""Completion events and usage from the events of a scripted engine."""

from __future__ import annotations

import json

import pytest

from galop.chat.errors import (
    ContextLengthExceededError,
    JsonValidateFailedError,
    ModelNotFoundError,
    TemplateError,
)
from galop.chat.events import ChoiceFinished, ContentDelta, Started, Usage
from galop.chat.output.detokenizer import TokenTexts
from galop.chat.output.documents import JsonObjectSpec
from galop.chat.output.processor import OutputProcessor
from galop.chat.output.reasoning import ReasoningPlan
from galop.chat.output.spec import OutputSpec
from galop.protocol.errors import EngineDiedError, EngineInternalError
from galop.testing import ScriptedTokenizer
from server.tests.chat.conftest import (
    PREFILLED,
    ScriptedEngine,
    chat_request,
    chat_service,
    collect,
    finished,
    text_of,
    tokens,
    tokens_with_logprobs,
)


async def test_events_come_in_order_and_usage_last(engine: ScriptedEngine) -> None:
    """Started, deltas, the end of the choice, usage."""
    engine.items = [PREFILLED, tokens("Hel"), tokens("lo"), finished(6)]
    events = await collect(chat_service(engine).complete(chat_request("Hi")))

    prompt = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    num_prompt_tokens = len(ScriptedTokenizer().encode(prompt))
    assert events == [
        Started(queue_time_s=0.5, prompt_time_s=0.25),
        ContentDelta(0, "Hel"),
        ContentDelta(0, "lo"),
        ChoiceFinished(0, "stop"),
        Usage(
            queue_time_s=0.5,
            prompt_tokens=num_prompt_tokens,
            prompt_time_s=0.25,
            completion_tokens=6,
            completion_time_s=1.0,
            cached_tokens=3,
        ),
    ]
    assert engine.generation.is_closed


async def test_the_end_of_the_prefill_is_the_first_event(engine: ScriptedEngine) -> None:
    """It does not wait for tokens."""
    engine.items = [PREFILLED, EngineDiedError(exit_code=-9)]
    events = chat_service(engine).complete(chat_request())

    assert await anext(events) == Started(queue_time_s=0.5, prompt_time_s=0.25)
    with pytest.raises(EngineDiedError):
        await anext(events)
    assert engine.generation.is_closed


async def test_sampling_parameters_reach_the_engine(engine: ScriptedEngine) -> None:
    """All of them."""
    engine.items = [PREFILLED, tokens("a"), finished(1), finished(1, choice=1)]
    request = chat_request(
        temperature=0.5,
        top_p=0.9,
        max_tokens=7,
        num_choices=2,
        seed=11,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        logit_bias={65: -100.0},
        num_logprobs=None,
    )
    await collect(chat_service(engine).complete(request))

    sampling = engine.request.sampling
    assert (engine.request.max_tokens, engine.request.num_choices) == (7, 2)
    assert (sampling.temperature, sampling.top_p, sampling.seed) == (0.5, 0.9, 11)
    assert (sampling.frequency_penalty, sampling.presence_penalty) == (0.1, 0.2)
    assert sampling.logit_bias == {65: -100.0}
    assert engine.request.constraint is None


async def test_without_max_tokens_the_window_is_the_budget(engine: ScriptedEngine) -> None:
    """The rest of the context window after the prompt."""
    engine.items = [PREFILLED, finished(1)]
    await collect(chat_service(engine).complete(chat_request()))

    assert engine.request.max_tokens == 200 - len(engine.request.prompt_token_ids)


async def test_a_prompt_beyond_the_window_is_refused(engine: ScriptedEngine) -> None:
    """With both numbers; the engine gets no request."""
    with pytest.raises(ContextLengthExceededError) as caught:
        await collect(chat_service(engine).complete(chat_request("x" * 300)))

    assert (caught.value.max_prompt_tokens, caught.value.context_window) == (199, 200)
    assert caught.value.num_prompt_tokens > 300
    assert engine.generations == []


async def test_a_stop_sequence_ends_its_choice_in_the_engine(engine: ScriptedEngine) -> None:
    """Tokens count up to its end; later ones are ignored."""
    engine.items = [PREFILLED, tokens("1, 2, 5"), tokens(", 6, 7"), tokens(", 8"), finished(99)]
    times = iter([10.0, 12.5])
    service = chat_service(engine, clock=lambda: next(times))
    events = await collect(service.complete(chat_request(stop=(", 6",))))

    assert text_of(events) == "1, 2, 5"
    assert engine.generation.cancelled == [0]
    usage = events[-1]
    assert isinstance(usage, Usage)
    assert (usage.completion_tokens, usage.completion_time_s) == (10, 2.5)
    assert events[-2] == ChoiceFinished(0, "stop")


async def test_stop_takes_precedence_over_length(engine: ScriptedEngine) -> None:
    """The last token of the budget completes a stop sequence."""
    engine.items = [PREFILLED, tokens("ab\n"), finished(3, finish_reason="length")]
    events = await collect(chat_service(engine).complete(chat_request(stop=("\n",))))

    assert text_of(events) == "ab"
    assert events[-2] == ChoiceFinished(0, "stop")


async def test_text_that_was_held_back_is_returned_at_the_end(engine: ScriptedEngine) -> None:
    """It did not become a stop sequence."""
    engine.items = [PREFILLED, tokens("so END"), finished(6, finish_reason="length")]
    events = await collect(chat_service(engine).complete(chat_request(stop=("END OF",))))

    assert [event for event in events if isinstance(event, ContentDelta)] == [
        ContentDelta(0, "so "),
        ContentDelta(0, "END"),
    ]


async def test_choices_are_independent(engine: ScriptedEngine) -> None:
    """Each has its own text and end; the usage has the sum of the tokens and the longest time."""
    engine.items = [
        PREFILLED,
        tokens("one", choice=0),
        tokens("two.", choice=1),
        tokens(" more", choice=0),
        finished(9, choice=0, completion_time_s=3.0, finish_reason="length"),
    ]
    service = chat_service(engine)
    events = await collect(service.complete(chat_request(num_choices=2, stop=(".",))))

    assert (text_of(events, 0), text_of(events, 1)) == ("one more", "two")
    assert engine.generation.cancelled == [1]
    usage = events[-1]
    assert isinstance(usage, Usage)
    assert (usage.completion_tokens, usage.completion_time_s) == (13, 3.0)


async def test_characters_are_never_split(engine: ScriptedEngine) -> None:
    """Incomplete ones are held back; at the end they become U+FFFD."""
    smile = "😀".encode()
    engine.items = [PREFILLED, tokens(smile[:2]), tokens(smile[2:] + smile[:1]), finished(5)]
    events = await collect(chat_service(engine).complete(chat_request()))

    assert [event.text for event in events if isinstance(event, ContentDelta)] == ["😀", "\ufffd"]


async def test_logprobs_are_sent_with_their_text(engine: ScriptedEngine) -> None:
    """They are held back with it; those after a stop sequence are dropped."""
    engine.items = [PREFILLED, tokens_with_logprobs("ab."), tokens_with_logprobs("c..d")]
    request = chat_request(stop=("..",), num_logprobs=1)
    events = await collect(chat_service(engine).complete(request))

    shown = [
        (event.text, [entry.token for entry in event.logprobs or ()])
        for event in events
        if isinstance(event, ContentDelta)
    ]
    assert shown == [("ab", ["a", "b"]), (".c", [".", "c"])]


async def test_logprobs_of_a_character_come_with_it(engine: ScriptedEngine) -> None:
    """Every token of the character has an entry in the delta with the character."""
    engine.items = [
        PREFILLED,
        *(tokens_with_logprobs(bytes([b])) for b in "é".encode()),
        finished(2),
    ]
    events = await collect(chat_service(engine).complete(chat_request(num_logprobs=0)))

    (delta,) = [event for event in events if isinstance(event, ContentDelta)]
    assert delta.text == "é"
    assert [entry.token_bytes for entry in delta.logprobs or ()] == [b"\xc3", b"\xa9"]


async def test_json_mode_has_a_constraint(engine: ScriptedEngine) -> None:
    """Messages that mention JSON stay unchanged."""
    engine.items = [PREFILLED, tokens('{"a": 1}'), finished(8)]
    request = chat_request("As json, please.", response_format="json_object")
    events = await collect(chat_service(engine).complete(request))

    assert engine.request.constraint is not None
    assert json.loads(text_of(events)) == {"a": 1}
    prompt = ScriptedTokenizer().decode(engine.request.prompt_token_ids)
    assert prompt.startswith("<|im_start|>user\nAs json, please.<|im_end|>")


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        (
            [
                tokens('{"a": "b'),
                finished(8, finish_reason="length", is_constraint_satisfied=False),
            ],
            "max completion tokens reached",
        ),
        ([tokens('{"a": "b'), finished(8)], "not a JSON object"),
    ],
    ids=["budget", "text"],
)
async def test_json_mode_fails_with_an_invalid_document(
    engine: ScriptedEngine, items: list[object], reason: str
) -> None:
    """The error has the reason and the generated text."""
    engine.items = [PREFILLED, *items]  # type: ignore[list-item]  # parametrized values have no type
    request = chat_request(response_format="json_object", stop=(".",))
    with pytest.raises(JsonValidateFailedError) as caught:
        await collect(chat_service(engine).complete(request))

    assert reason in caught.value.reason
    assert caught.value.failed_generation == '{"a": "b'


async def test_an_engine_that_ends_early_is_an_error(engine: ScriptedEngine) -> None:
    """There is no usage without the end of every choice."""
    engine.items = [PREFILLED, tokens("a")]
    with pytest.raises(EngineInternalError):
        await collect(chat_service(engine).complete(chat_request()))


async def test_closing_the_generator_closes_the_generation(engine: ScriptedEngine) -> None:
    """Before its end."""
    engine.items = [PREFILLED, tokens("a"), tokens("b"), finished(2)]
    events = chat_service(engine).complete(chat_request())
    await anext(events)
    await events.aclose()

    assert engine.generation.is_closed


async def test_messages_that_render_to_nothing_are_refused(engine: ScriptedEngine) -> None:
    """The engine needs a token to start from."""
    service = chat_service(engine, template="{# nothing #}")
    with pytest.raises(TemplateError):
        await collect(service.complete(chat_request()))


async def test_aliases_are_resolved_and_unknown_ids_refused(engine: ScriptedEngine) -> None:
    """There is no default model."""
    service = chat_service(engine)
    assert service.models.resolve("llama3-8b-8192").card.alias_of == "tiny"
    with pytest.raises(ModelNotFoundError):
        await collect(service.complete(chat_request(model="llama9")))


async def test_a_long_conversation_is_refused_with_its_length(engine: ScriptedEngine) -> None:
    """The error has more tokens than the text has characters, one per byte."""
    with pytest.raises(ContextLengthExceededError) as caught:
        await collect(chat_service(engine).complete(chat_request("x" * 50_000)))
    assert caught.value.num_prompt_tokens > 50_000


# The processor by itself, without the service around it.


def processor(
    output: OutputSpec | None = None, *, stop: tuple[str, ...] = (), num_choices: int = 1
) -> OutputProcessor:
    return OutputProcessor(
        chat_request(stop=stop, num_choices=num_choices),
        TokenTexts(ScriptedTokenizer()),
        lambda: 0.0,
        num_prompt_tokens=7,
        output=output or OutputSpec(),
    )


def test_late_events_of_an_ended_choice_are_ignored() -> None:
    """They were sent before the cancellation, and do not count."""
    stopped = processor(stop=("b",))
    stopped.process(PREFILLED)
    events, cancelled = stopped.process(tokens("ab"))
    assert (events, cancelled) == ([ContentDelta(0, "a"), ChoiceFinished(0, "stop")], 0)
    assert stopped.process(tokens("late")) == ([], None)
    assert stopped.process(finished(99)) == ([], None)
    assert stopped.usage().completion_tokens == 2


def test_there_is_no_usage_before_every_choice_has_ended() -> None:
    """Nor before the end of the prefill."""
    two = processor(num_choices=2)
    with pytest.raises(EngineInternalError):
        two.usage()
    two.process(PREFILLED)
    two.process(finished(1))
    with pytest.raises(EngineInternalError):
        two.usage()
    two.process(finished(1, choice=1))
    assert two.usage().completion_tokens == 2


def test_hidden_reasoning_counts() -> None:
    """It makes no event, not even an empty one."""
    plan = ReasoningPlan("hidden", {})
    hidden = processor(OutputSpec(reasoning=plan, is_thinking_open=True))
    hidden.process(PREFILLED)
    assert hidden.process(tokens("hm")) == ([], None)
    assert hidden.process(tokens("</think>Yes")) == ([ContentDelta(0, "Yes")], None)
    hidden.process(finished(13))
    usage = hidden.usage()
    assert (usage.completion_tokens, usage.reasoning_tokens) == (13, len("hm</think>"))


def test_raw_reasoning_begins_with_the_tag_that_the_template_wrote() -> None:
    """In every choice."""
    plan = ReasoningPlan("raw", {})
    raw = processor(OutputSpec(reasoning=plan, is_thinking_open=True), num_choices=2)
    events, _ = raw.process(PREFILLED)
    assert events[1:] == [ContentDelta(0, "<think>\n"), ContentDelta(1, "<think>\n")]


def test_a_document_that_a_stop_sequence_ends_is_closed() -> None:
    """The tokens of the added text count."""
    document = processor(OutputSpec(document=JsonObjectSpec()), stop=(".",))
    document.process(PREFILLED)
    events, cancelled = document.process(tokens('{"a": "b. c'))
    text = "".join(event.text for event in events if isinstance(event, ContentDelta))
    assert json.loads(text) == {"a": "b"}
    assert events[-1] == ChoiceFinished(0, "stop")
    assert cancelled == 0
    assert document.usage().completion_tokens == len('{"a": "b.') + len('"}')


def test_a_document_that_fills_its_budget_is_marked() -> None:
    """It was closed within the budget."""
    document = processor(OutputSpec(document=JsonObjectSpec()))
    document.process(PREFILLED)
    document.process(tokens('{"a": 1}'))
    events, _ = document.process(finished(8, finish_reason="length"))
    assert events == [ChoiceFinished(0, "length", is_json_completed=True)]
