"""The words of keys and limits on the wire."""

from __future__ import annotations

import re

import pytest

from galop.chat.meter import Meter
from galop.chat.request import ChatRequest, ModelCard
from galop.engine.generation import Finished, Prefilled, Tokens
from galop.http.gate import (
    ASSUMED_COMPLETION_TOKENS,
    Admission,
    duration_text,
    may_use,
    rate_limit_headers,
    rate_limit_message,
    retry_headers,
)
from galop.ledger.errors import RateLimitExceededError
from galop.ledger.keys import ANONYMOUS, Caller
from galop.ledger.limits import Gauge, LimitName, Limits, Scope, Standing
from galop.ledger.usage import Counts

CARD = ModelCard(
    id="alias",
    created=1,
    owned_by="t",
    context_window=512,
    max_completion_tokens=512,
    alias_of="model",
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.172, "172ms"),
        (1.57, "1.57s"),
        (6.0, "6s"),
        (50.597142857, "50.597142857s"),
        (179.56, "2m59.56s"),
        (367.2, "6m7.2s"),
        (8532.864, "2h22m12.864s"),
        (86400.0, "24h0m0s"),
    ],
)
def test_durations_are_written_as_the_original_does(seconds: float, text: str) -> None:
    """Its clients parse them."""
    assert duration_text(seconds) == text


def test_the_headers_show_requests_per_day_and_tokens_per_minute() -> None:
    """Whole numbers, and times cut to milliseconds; nothing where there is no limit."""
    shown = Standing(requests=Gauge(14400, 14399, 6.0), tokens=Gauge(250_000, 248_367, 0.39192))
    assert rate_limit_headers(shown) == {
        "x-ratelimit-limit-requests": "14400",
        "x-ratelimit-remaining-requests": "14399",
        "x-ratelimit-reset-requests": "6s",
        "x-ratelimit-limit-tokens": "250000",
        "x-ratelimit-remaining-tokens": "248367",
        "x-ratelimit-reset-tokens": "391ms",
    }
    assert rate_limit_headers(Standing()) == {}


def exceeded(name: LimitName, wait_s: float) -> RateLimitExceededError:
    return RateLimitExceededError(
        owner="team",
        model="m",
        name=name,
        limit=100_000,
        used=98_485,
        requested=1_940,
        wait_s=wait_s,
        standing=Standing(),
    )


def test_clients_find_the_numbers_in_the_message() -> None:
    """With the expressions that are in use."""
    message = rate_limit_message(exceeded("tpd", 367.2))
    assert re.findall(r"Limit (\d+), Used (\d+), Requested ~?(\d+)", message) == [
        ("100000", "98485", "1940")
    ]
    found = re.search(r"try again in ([\dhms.]+)", message)
    assert found is not None
    assert found[1].rstrip(".") == "6m7.2s"
    assert "tokens per day (TPD)" in message


@pytest.mark.parametrize(
    ("name", "wait_s", "headers"),
    [
        ("tpm", 50.6, {"retry-after": "51"}),
        ("rpm", 1e-6, {"retry-after": "1"}),
        ("rpd", 6.0, {"retry-after": "6", "x-should-retry": "false"}),
        ("tpd", 901.152, {"retry-after": "902", "x-should-retry": "false"}),
    ],
)
def test_retry_after_is_rounded_up(name: LimitName, wait_s: float, headers: dict[str, str]) -> None:
    """And clients do not sleep on a daily limit."""
    assert retry_headers(exceeded(name, wait_s)) == headers


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
