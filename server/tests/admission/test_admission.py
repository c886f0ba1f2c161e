"""Admission of requests: reservations, permits, settlement."""

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


class RecordingPolicy:
    """A policy that accepts every request and records what it is asked."""

    remaining_limits = RemainingLimits()

    def __init__(self) -> None:
        self.reserved: list[tuple[str, int]] = []
        self.settled: list[UsageCounts] = []

    def authenticate(self, authorization: str | None) -> Caller:
        return ANONYMOUS

    async def reserve(self, caller: Caller, model: str, num_tokens: int) -> RecordingPolicy:
        self.reserved.append((model, num_tokens))
        return self

    def settle(self, counts: UsageCounts) -> None:
        self.settled.append(counts)


def admitted(
    policy: RecordingPolicy,
    options: dict[str, int] | None = None,
    limits: RateLimits | None = None,
    control: AdmissionControl | None = None,
) -> AdmittedRequest:
    chat = ChatRequest(request_id="r", model="alias", messages=(), **(options or {}))  # type: ignore[arg-type]  # a test's shorthand
    scopes = (LimitScope("key:1", "a", limits),) if limits else ()
    caller = Caller(key_id="k", name="a", scopes=scopes)
    admission = Admission({"model": control or AdmissionControl(num_slots=4)}, policy)
    return admission.admit(caller, chat, CARD)


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
    """Within the context window, under the name behind the alias."""
    policy = RecordingPolicy()
    await admitted(policy, options).reserve(10, room)
    assert policy.reserved == [("model", reserved)]


async def test_an_assumed_size_never_exceeds_a_limit() -> None:
    """Only the prompt and a given `max_tokens` can."""
    policy = RecordingPolicy()
    await admitted(policy, limits=RateLimits(tpm=200)).reserve(10, 5000)
    await admitted(policy, limits=RateLimits(tpm=200)).reserve(300, 5000)
    assert [tokens for _, tokens in policy.reserved] == [200, 300]


async def test_a_request_is_settled_once_with_what_it_has_used() -> None:
    """At any time: here in the middle of its second choice."""
    policy = RecordingPolicy()
    request = admitted(policy, {"max_tokens": 50, "num_choices": 2})
    await request.reserve(10, 500)
    fill_half(request)
    request.close(is_served=True)
    request.close(is_served=True)
    assert policy.settled == [
        UsageCounts(
            num_requests=1, num_prompt_tokens=10, num_cached_tokens=4, num_completion_tokens=7
        )
    ]


def fill_half(request: AdmittedRequest) -> None:
    """One choice ends with five tokens, another has two so far."""
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
        request.record(event, num_prompt_tokens=10)


async def test_without_a_reservation_nothing_is_settled() -> None:
    """The request was refused before."""
    policy = RecordingPolicy()
    admitted(policy).close(is_served=True)
    assert policy.settled == []


async def test_every_choice_that_ends_releases_its_part_of_the_permit() -> None:
    """Closing the request releases the rest, once."""
    control = AdmissionControl(num_slots=4)
    request = admitted(RecordingPolicy(), {"num_choices": 3}, control=control)
    assert control.num_open_choices == 3
    request.choice_ended()
    assert control.num_open_choices == 2
    request.close(is_served=True)
    request.close(is_served=True)
    assert control.num_open_choices == 0


async def test_a_prompt_that_exceeds_the_queue_is_refused_before_tokens_are_reserved() -> None:
    """Then there is no reservation to settle."""
    policy = RecordingPolicy()
    control = AdmissionControl(num_slots=4, max_waiting_tokens=100)
    await admitted(policy, control=control).reserve(80, 10)
    with pytest.raises(QueueFullError):
        await admitted(policy, control=control).reserve(30, 10)
    assert len(policy.reserved) == 1


def test_capacity_is_missing_only_if_every_model_would_refuse() -> None:
    """The check runs before the body is read, which names the model."""
    full, free = AdmissionControl(num_slots=1, max_waiting=0), AdmissionControl(num_slots=1)
    full.admit("", 1)
    Admission({"full": full, "free": free}).check_capacity(ANONYMOUS)
    with pytest.raises(QueueFullError):
        Admission({"full": full}).check_capacity(ANONYMOUS)


def test_all_models_are_drained_and_counted_together() -> None:
    """New requests are refused; admitted ones continue."""
    controls = {"a": AdmissionControl(num_slots=1), "b": AdmissionControl(num_slots=1)}
    admission = Admission(controls)
    permit = controls["a"].admit("", 3)
    assert (admission.load(), admission.readiness()) == ((1, 2), None)
    admission.drain("the server is stopping")
    assert admission.readiness() == "the server is stopping"
    with pytest.raises(EngineUnavailableError):
        controls["b"].admit("", 1)
    permit.close()
    assert admission.num_open_choices == 0
