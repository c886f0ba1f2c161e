"""What a request reserves, holds, and is settled to."""

from __future__ import annotations

import pytest

from galop.accounts.keys import ANONYMOUS, Caller
from galop.accounts.limits import LimitScope, RateLimits, RemainingLimits
from galop.accounts.usage import UsageCounts
from galop.admission.admission import ASSUMED_COMPLETION_TOKENS, Admission, AdmittedRequest
from galop.admission.control import AdmissionControl
from galop.chat.request import ChatRequest
from galop.protocol.errors import EngineUnavailableError, QueueFullError
from galop.protocol.events import Finished, Prefilled, Tokens
from server.tests.entries import entry

CARD = entry("alias", alias_of="model").card


class Desk:
    """A policy that lets everything in and remembers it."""

    remaining_limits = RemainingLimits()

    def __init__(self) -> None:
        self.reserved: list[tuple[str, int]] = []
        self.settled: list[UsageCounts] = []

    def authenticate(self, authorization: str | None) -> Caller:
        return ANONYMOUS

    async def reserve(self, caller: Caller, model: str, num_tokens: int) -> Desk:
        self.reserved.append((model, num_tokens))
        return self

    def settle(self, counts: UsageCounts) -> None:
        self.settled.append(counts)


def admitted(
    desk: Desk,
    options: dict[str, int] | None = None,
    limits: RateLimits | None = None,
    control: AdmissionControl | None = None,
) -> AdmittedRequest:
    chat = ChatRequest(request_id="r", model="alias", messages=(), **(options or {}))  # type: ignore[arg-type]  # a test's shorthand
    scopes = (LimitScope("key:1", "a", limits),) if limits else ()
    caller = Caller(key_id="k", name="a", scopes=scopes)
    admission = Admission({"model": control or AdmissionControl(num_slots=4)}, desk)
    return admission.enter(caller, chat, CARD)


@pytest.mark.parametrize(
    ("options", "room", "reserved"),
    [
        ({"max_tokens": 50}, 500, 60),
        ({"max_tokens": 50, "num_choices": 3}, 1500, 160),
        ({"max_tokens": 5000}, 500, 510),
        ({}, 5000, 10 + ASSUMED_COMPLETION_TOKENS),
        ({}, 100, 110),
    ],
)
async def test_the_prompt_and_max_tokens_are_reserved(
    options: dict[str, int], room: int, reserved: int
) -> None:
    """As far as the context window has room, for the model behind the alias."""
    desk = Desk()
    await admitted(desk, options).reserve(10, room)
    assert desk.reserved == [("model", reserved)]


async def test_an_assumed_answer_is_never_too_large() -> None:
    """Only what was asked for can be more than a limit."""
    desk = Desk()
    await admitted(desk, limits=RateLimits(tpm=200)).reserve(10, 5000)
    await admitted(desk, limits=RateLimits(tpm=200)).reserve(300, 5000)
    assert [tokens for _, tokens in desk.reserved] == [200, 300]


async def test_a_request_is_settled_once_to_what_it_used_so_far() -> None:
    """Whenever it ends: here in the middle of its second choice."""
    desk = Desk()
    request = admitted(desk, {"max_tokens": 50, "num_choices": 2})
    await request.reserve(10, 500)
    fill_half(request)
    request.close(was_served=True)
    request.close(was_served=True)
    assert desk.settled == [
        UsageCounts(
            num_requests=1, num_prompt_tokens=10, num_cached_tokens=4, num_completion_tokens=7
        )
    ]


def fill_half(request: AdmittedRequest) -> None:
    """One choice has ended with five tokens, another has two."""
    events: list[Prefilled | Tokens | Finished] = [
        Prefilled(request_id="r", queue_time_s=0, prompt_time_s=0, num_cached_tokens=4),
        Tokens(request_id="r", choice_index=0, token_ids=[1, 2, 3, 4]),
        Tokens(request_id="r", choice_index=1, token_ids=[1, 2]),
        Finished(
            request_id="r",
            choice_index=0,
            finish_reason="stop",
            num_completion_tokens=5,
            completion_time_s=0,
        ),
    ]
    for event in events:
        request.take(event, num_prompt_tokens=10)


async def test_nothing_is_settled_that_was_not_reserved() -> None:
    """A request that was refused before it."""
    desk = Desk()
    admitted(desk).close(was_served=True)
    assert desk.settled == []


async def test_a_place_is_given_back_choice_by_choice() -> None:
    """When one ends, and when the request is closed."""
    control = AdmissionControl(num_slots=4)
    request = admitted(Desk(), {"num_choices": 3}, control=control)
    assert control.num_open_choices == 3
    request.choice_ended()
    assert control.num_open_choices == 2
    request.close(was_served=True)
    request.close(was_served=True)
    assert control.num_open_choices == 0


async def test_a_prompt_that_may_not_wait_is_refused_before_tokens_are_reserved() -> None:
    """The queue comes first: it costs nothing to give back."""
    desk = Desk()
    control = AdmissionControl(num_slots=4, max_waiting_tokens=100)
    await admitted(desk, control=control).reserve(80, 10)
    with pytest.raises(QueueFullError):
        await admitted(desk, control=control).reserve(30, 10)
    assert len(desk.reserved) == 1


def test_a_caller_is_refused_early_only_where_every_model_would_refuse() -> None:
    """The head of a request does not say which model it names."""
    full, free = AdmissionControl(num_slots=1, max_waiting=0), AdmissionControl(num_slots=1)
    full.enter("", 1)
    Admission({"full": full, "free": free}).check_capacity(ANONYMOUS)
    with pytest.raises(QueueFullError):
        Admission({"full": full}).check_capacity(ANONYMOUS)


def test_all_models_are_drained_and_counted_together() -> None:
    """Nothing new is taken; what runs is waited for."""
    controls = {"a": AdmissionControl(num_slots=1), "b": AdmissionControl(num_slots=1)}
    admission = Admission(controls)
    place = controls["a"].enter("", 3)
    assert (admission.load(), admission.readiness()) == ((1, 2), None)
    admission.drain("the server is stopping")
    assert admission.readiness() == "the server is stopping"
    with pytest.raises(EngineUnavailableError):
        controls["b"].enter("", 1)
    place.close()
    assert admission.num_open_choices == 0
