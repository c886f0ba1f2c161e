"""What a request reserves, and what it is settled to."""

from __future__ import annotations

import pytest

from galop.accounts.keys import ANONYMOUS, Caller
from galop.accounts.limits import Limits, Scope, Standing
from galop.accounts.usage import Counts
from galop.admission.policy import (
    ASSUMED_COMPLETION_TOKENS,
    Admission,
    may_use,
)
from galop.chat.meter import Meter
from galop.chat.request import ChatRequest, ModelCard
from galop.protocol.events import Finished, Prefilled, Tokens

CARD = ModelCard(
    id="alias",
    created=1,
    owned_by="t",
    context_window=512,
    max_completion_tokens=512,
    alias_of="model",
)


@pytest.mark.parametrize(
    ("models", "may"), [((), True), (("alias",), True), (("model",), True), (("other",), False)]
)
def test_a_key_may_use_a_model_by_its_name_or_its_alias(models: tuple[str, ...], may: bool) -> None:
    """By default any."""
    assert may_use(Caller(key_id="k", name="a", models=models), CARD) is may


class Desk:
    """A gate that lets everything in and remembers it."""

    standing = Standing()

    def __init__(self) -> None:
        self.reserved: list[tuple[str, int]] = []
        self.settled: list[Counts] = []

    def authenticate(self, authorization: str | None) -> Caller:
        return ANONYMOUS

    async def reserve(self, caller: Caller, model: str, num_tokens: int) -> Desk:
        self.reserved.append((model, num_tokens))
        return self

    def settle(self, counts: Counts) -> None:
        self.settled.append(counts)


def admission(
    desk: Desk, options: dict[str, int] | None = None, limits: Limits | None = None
) -> Admission:
    chat = ChatRequest(request_id="r", model="alias", messages=(), **(options or {}))  # type: ignore[arg-type]  # a test's shorthand
    scopes = (Scope("key:1", "a", limits),) if limits else ()
    caller = Caller(key_id="k", name="a", scopes=scopes)
    return Admission(desk, caller, chat, CARD, lambda headers: None)


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
    await admission(desk, options).meter.admit(10, room)
    assert desk.reserved == [("model", reserved)]


async def test_an_assumed_answer_is_never_too_large() -> None:
    """Only what was asked for can be more than a limit."""
    desk = Desk()
    await admission(desk, limits=Limits(tpm=200)).meter.admit(10, 5000)
    await admission(desk, limits=Limits(tpm=200)).meter.admit(300, 5000)
    assert [tokens for _, tokens in desk.reserved] == [200, 300]


async def test_a_request_is_settled_once_to_what_it_used_so_far() -> None:
    """Whenever it ends: here in the middle of its second choice."""
    desk = Desk()
    request = admission(desk, {"max_tokens": 50, "num_choices": 2})
    await request.meter.admit(10, 500)
    fill_half(request.meter)
    request.settle(was_served=True)
    request.settle(was_served=True)
    assert desk.settled == [
        Counts(num_requests=1, num_prompt_tokens=10, num_cached_tokens=4, num_completion_tokens=7)
    ]


def fill_half(meter: Meter) -> None:
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
        meter.take(event, num_prompt_tokens=10)


async def test_nothing_is_settled_that_was_not_reserved() -> None:
    """A request that was refused before it."""
    desk = Desk()
    admission(desk).settle(was_served=True)
    assert desk.settled == []
