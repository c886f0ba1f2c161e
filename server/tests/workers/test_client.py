"""The client of an engine without an engine: commands go into a list, the tests make up the events."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable

import pytest

from galop.protocol.errors import (
    BudgetTooSmallError,
    ConstraintFailedError,
    EngineDiedError,
    EngineError,
    EngineInternalError,
    EngineUnavailableError,
    RequestQuarantinedError,
)
from galop.protocol.events import Failed, FailureKind, Finished, Prefilled, Tokens
from galop.protocol.requests import GenerationRequest
from galop.workers.client import EngineClient, Generation
from galop.workers.messages import Cancel, Command, Submit
from galop.workers.recovery import Recovery


class ClientHarness:
    """A client that is available, and the commands that it sent."""

    def __init__(self, *, crash_retries: int = 2, clock: Callable[[], float] = lambda: 0.0) -> None:
        self.sent: list[Command] = []
        recovery = Recovery(crash_retries=crash_retries, clock=clock)
        self.client = EngineClient(self.sent.append, recovery=recovery, clock=clock)
        self.client.engine_returned()

    def submit(self, name: str = "r", num_choices: int = 1) -> Generation:
        return self.client.submit(
            GenerationRequest(
                request_id=name,
                prompt_token_ids=[*name.encode()],
                max_tokens=9,
                num_choices=num_choices,
            )
        )

    def submitted(self) -> list[str]:
        """Ids of the requests that were sent since the last call."""
        names = [each.request.request_id for each in self.sent if isinstance(each, Submit)]
        self.sent.clear()
        return names

    def restart(self) -> None:
        """The engine dies and comes back."""
        self.client.unavailable_reason = "the engine is restarting"
        self.client.engine_died(EngineDiedError(exit_code=7))
        self.client.engine_returned()


def tokens(*token_ids: int, name: str = "r", choice: int = 0) -> Tokens:
    return Tokens(request_id=name, choice_index=choice, token_ids=list(token_ids))


def prefilled(name: str = "r") -> Prefilled:
    return Prefilled(request_id=name, queue_time_s=0, prompt_time_s=0, num_cached_tokens=0)


def finished(num_tokens: int, name: str = "r", choice: int = 0) -> Finished:
    return Finished(
        request_id=name,
        choice_index=choice,
        finish_reason="stop",
        num_completion_tokens=num_tokens,
        completion_time_s=0,
    )


async def ids_of(generation: Generation) -> list[int]:
    return [t async for event in generation if isinstance(event, Tokens) for t in event.token_ids]


async def test_events_are_delivered_to_their_request() -> None:
    """In order, to the end of the last choice."""
    harness = ClientHarness()
    one, two = harness.submit("one"), harness.submit("two")
    harness.client.dispatch([prefilled("two"), tokens(5, name="two"), tokens(6, name="one")])
    harness.client.dispatch([tokens(7, name="two"), finished(2, "two"), finished(1, "one")])
    assert (await ids_of(one), await ids_of(two)) == ([6], [5, 7])
    assert harness.client.is_idle


async def test_a_client_without_an_engine_refuses_requests() -> None:
    """With the reason that it has, and without sending anything."""
    harness = ClientHarness()
    harness.client.unavailable_reason = "the engine is restarting"
    with pytest.raises(EngineUnavailableError, match="restarting"):
        harness.submit()
    assert harness.sent == []


async def test_later_events_of_a_cancelled_choice_are_dropped() -> None:
    """The cancellation is sent once."""
    harness = ClientHarness()
    generation = harness.submit(num_choices=2)
    generation.cancel_choice(1)
    generation.cancel_choice(1)
    harness.client.dispatch([tokens(8, choice=1), finished(1, choice=1), tokens(9), finished(1)])
    assert await ids_of(generation) == [9]
    assert harness.sent[1:] == [Cancel("r", 1)]


async def test_closing_cancels_everything_once() -> None:
    """Then no request is in flight."""
    harness = ClientHarness()
    generation = harness.submit(num_choices=3)
    generation.close()
    generation.close()
    assert harness.sent[1:] == [Cancel("r", None)]
    assert harness.client.is_idle
    assert await ids_of(generation) == []


async def test_a_request_continues_on_the_next_engine() -> None:
    """Each token and `Prefilled` are delivered once; a cancelled choice is cancelled again."""
    harness = ClientHarness()
    generation = harness.submit(num_choices=2)
    harness.client.dispatch([prefilled(), tokens(1, 2)])
    generation.cancel_choice(1)
    harness.sent.clear()
    harness.restart()
    assert harness.sent == [Submit(generation.request), Cancel("r", 1)]
    harness.client.dispatch([prefilled(), tokens(1), tokens(2, 3), finished(3)])
    events = [event async for event in generation]
    assert [type(event) for event in events] == [Prefilled, Tokens, Tokens, Finished]
    assert [t for event in events if isinstance(event, Tokens) for t in event.token_ids] == [
        1,
        2,
        3,
    ]


@pytest.mark.parametrize("news", [tokens(1, 3), finished(1)], ids=["other tokens", "an early end"])
async def test_a_request_fails_if_the_next_engine_generates_other_tokens(
    news: Tokens | Finished,
) -> None:
    """The two halves of the answer would not belong together."""
    harness = ClientHarness()
    generation = harness.submit()
    harness.client.dispatch([tokens(1, 2)])
    harness.restart()
    harness.client.dispatch([news])
    with pytest.raises(EngineDiedError):
        await ids_of(generation)
    assert harness.sent[-1] == Cancel("r")


async def test_a_request_that_kills_engines_fails_alone_and_is_refused_afterwards() -> None:
    """It runs alone on its last try. The others wait until it has ended, then run again."""
    harness = ClientHarness(crash_retries=1)
    bad, good = harness.submit("bad"), harness.submit("good")
    harness.sent.clear()
    harness.restart()
    assert harness.submitted() == ["bad"]  # both had one death: the first of them is tried alone
    late = harness.submit("late")
    assert harness.submitted() == []
    harness.restart()
    with pytest.raises(EngineDiedError):
        await ids_of(bad)
    assert harness.submitted() == ["good"]
    with pytest.raises(RequestQuarantinedError):
        harness.submit("bad")
    harness.client.dispatch([tokens(1, name="good"), finished(1, "good")])
    assert harness.submitted() == ["late"]
    harness.client.dispatch([tokens(2, name="late"), finished(1, "late")])
    assert (await ids_of(good), await ids_of(late)) == ([1], [2])


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("budget", BudgetTooSmallError),
        ("constraint", ConstraintFailedError),
        ("internal", EngineInternalError),
    ],
)
async def test_a_failed_event_is_raised_as_the_error_of_its_kind(
    kind: FailureKind, error: type[EngineError]
) -> None:
    """After the events that came before it."""
    harness = ClientHarness()
    generation = harness.submit()
    harness.client.dispatch([tokens(4), Failed(request_id="r", kind=kind, detail="why")])
    assert await anext(generation) == tokens(4)
    with pytest.raises(error):
        await anext(generation)


async def test_an_error_of_many_requests_does_not_collect_their_tracebacks() -> None:
    """One exception object is raised for all of them."""

    async def length_of(generation: Generation) -> int:
        try:
            await ids_of(generation)
        except EngineDiedError as error:
            return len(traceback.extract_tb(error.__traceback__))
        pytest.fail("it did not end in the error")

    harness = ClientHarness()
    waiting = [asyncio.create_task(length_of(harness.submit(f"r{i}"))) for i in range(5)]
    await asyncio.sleep(0)
    harness.client.fail_all(EngineDiedError(exit_code=-9))
    assert len(set(await asyncio.gather(*waiting))) == 1


async def test_the_time_between_the_tokens_of_a_choice_is_reported() -> None:
    """For each choice by itself, from its second `Tokens` on."""
    times = iter([0.0, 1.0, 1.5])
    harness = ClientHarness(clock=lambda: next(times))
    gaps: list[float] = []
    harness.client.on_token_gap = gaps.append
    harness.submit(num_choices=2)
    harness.client.dispatch([tokens(1)])
    harness.client.dispatch([tokens(2), tokens(1, choice=1)])
    harness.client.dispatch([tokens(2, choice=1)])
    assert gaps == [1.0, 0.5]
