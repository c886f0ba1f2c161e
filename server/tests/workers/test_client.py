"""The server's side of an engine, without an engine: commands go into a list, events are made up."""

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


class Desk:
    """A client whose commands are kept."""

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
        """Ids that the engine was told of since the last call."""
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


async def test_events_reach_the_request_they_belong_to() -> None:
    """In order, to the end of the last choice."""
    desk = Desk()
    one, two = desk.submit("one"), desk.submit("two")
    desk.client.dispatch([prefilled("two"), tokens(5, name="two"), tokens(6, name="one")])
    desk.client.dispatch([tokens(7, name="two"), finished(2, "two"), finished(1, "one")])
    assert (await ids_of(one), await ids_of(two)) == ([6], [5, 7])
    assert desk.client.is_idle


async def test_an_engine_that_is_away_takes_nothing_new() -> None:
    """The reason is the client's."""
    desk = Desk()
    desk.client.unavailable_reason = "the engine is restarting"
    with pytest.raises(EngineUnavailableError, match="restarting"):
        desk.submit()
    assert desk.sent == []


async def test_a_cancelled_choice_counts_as_gone_at_once() -> None:
    """The engine is told once, and what it still sends is dropped."""
    desk = Desk()
    generation = desk.submit(num_choices=2)
    generation.cancel_choice(1)
    generation.cancel_choice(1)
    desk.client.dispatch([tokens(8, choice=1), finished(1, choice=1), tokens(9), finished(1)])
    assert await ids_of(generation) == [9]
    assert desk.sent[1:] == [Cancel("r", 1)]


async def test_closing_cancels_everything_once() -> None:
    """And the client forgets the request."""
    desk = Desk()
    generation = desk.submit(num_choices=3)
    generation.close()
    generation.close()
    assert desk.sent[1:] == [Cancel("r", None)]
    assert desk.client.is_idle
    assert await ids_of(generation) == []


async def test_the_next_engine_goes_on_where_the_last_one_stopped() -> None:
    """Its reader sees each token once, `Prefilled` once, and a cancelled choice not again."""
    desk = Desk()
    generation = desk.submit(num_choices=2)
    desk.client.dispatch([prefilled(), tokens(1, 2)])
    generation.cancel_choice(1)
    desk.sent.clear()
    desk.restart()
    assert desk.sent == [Submit(generation.request), Cancel("r", 1)]
    desk.client.dispatch([prefilled(), tokens(1), tokens(2, 3), finished(3)])
    events = [event async for event in generation]
    assert [type(event) for event in events] == [Prefilled, Tokens, Tokens, Finished]
    assert [t for event in events if isinstance(event, Tokens) for t in event.token_ids] == [
        1,
        2,
        3,
    ]


@pytest.mark.parametrize("news", [tokens(1, 3), finished(1)], ids=["other tokens", "an early end"])
async def test_an_engine_that_does_not_repeat_itself_ends_the_request(
    news: Tokens | Finished,
) -> None:
    """Better no answer than two halves that do not belong together."""
    desk = Desk()
    generation = desk.submit()
    desk.client.dispatch([tokens(1, 2)])
    desk.restart()
    desk.client.dispatch([news])
    with pytest.raises(EngineDiedError):
        await ids_of(generation)
    assert desk.sent[-1] == Cancel("r")


async def test_a_request_that_kills_engines_is_found_out_and_kept_out() -> None:
    """It runs alone on its last try; the others wait for that, and go on."""
    desk = Desk(crash_retries=1)
    bad, good = desk.submit("bad"), desk.submit("good")
    desk.sent.clear()
    desk.restart()
    assert desk.submitted() == ["bad"]  # both had one death: the first of them is tried alone
    late = desk.submit("late")
    assert desk.submitted() == []
    desk.restart()
    with pytest.raises(EngineDiedError):
        await ids_of(bad)
    assert desk.submitted() == ["good"]
    with pytest.raises(RequestQuarantinedError):
        desk.submit("bad")
    desk.client.dispatch([tokens(1, name="good"), finished(1, "good")])
    assert desk.submitted() == ["late"]
    desk.client.dispatch([tokens(2, name="late"), finished(1, "late")])
    assert (await ids_of(good), await ids_of(late)) == ([1], [2])


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("budget", BudgetTooSmallError),
        ("constraint", ConstraintFailedError),
        ("internal", EngineInternalError),
    ],
)
async def test_a_failure_is_raised_as_what_it_is(
    kind: FailureKind, error: type[EngineError]
) -> None:
    """After the events that came before it."""
    desk = Desk()
    generation = desk.submit()
    desk.client.dispatch([tokens(4), Failed(request_id="r", kind=kind, detail="why")])
    assert await anext(generation) == tokens(4)
    with pytest.raises(error):
        await anext(generation)


async def test_requests_that_end_in_one_error_each_tell_their_own_way_to_it() -> None:
    """Raising one exception many times must not pile up its traceback."""

    async def length_of(generation: Generation) -> int:
        try:
            await ids_of(generation)
        except EngineDiedError as error:
            return len(traceback.extract_tb(error.__traceback__))
        pytest.fail("it did not end in the error")

    desk = Desk()
    waiting = [asyncio.create_task(length_of(desk.submit(f"r{i}"))) for i in range(5)]
    await asyncio.sleep(0)
    desk.client.fail_all(EngineDiedError(exit_code=-9))
    assert len(set(await asyncio.gather(*waiting))) == 1


async def test_the_time_between_two_steps_of_a_choice_is_told() -> None:
    """Each choice for itself, and nothing for its first tokens."""
    times = iter([0.0, 1.0, 1.5])
    desk = Desk(clock=lambda: next(times))
    gaps: list[float] = []
    desk.client.on_token_gap = gaps.append
    desk.submit(num_choices=2)
    desk.client.dispatch([tokens(1)])
    desk.client.dispatch([tokens(2), tokens(1, choice=1)])
    desk.client.dispatch([tokens(2, choice=1)])
    assert gaps == [1.0, 0.5]
