"""Who may make a request, and how much of the server it may use: what this room needs to know.

The rules are those of `galop.ledger`; here are their words on the wire. `Admission` is one request
on its way: reserved once its prompt is counted, settled when it ends, however it ends.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from typing import Protocol

from galop.chat.meter import Meter
from galop.chat.request import ChatRequest, ModelCard
from galop.http.schema import ErrorType
from galop.ledger.errors import (
    ModelNotAllowedError,
    RateLimitExceededError,
    RequestTooLargeError,
    TierNotAllowedError,
)
from galop.ledger.keys import ANONYMOUS, Caller
from galop.ledger.limits import COUNTS_TOKENS, LimitName, Standing
from galop.ledger.usage import Counts

ASSUMED_COMPLETION_TOKENS = 1024
"""Reserved for an answer whose request sets no `max_tokens`: it may take the whole context window,
but hardly any does. What it takes beyond that is counted at its end."""

LIMIT_WORDS: Mapping[LimitName, str] = {
    "rpm": "requests per minute (RPM)",
    "tpm": "tokens per minute (TPM)",
    "rpd": "requests per day (RPD)",
    "tpd": "tokens per day (TPD)",
}

_SHORTEST_WAIT_S = 0.001


class Reservation(Protocol):
    """What a running request has been promised."""

    @property
    def standing(self) -> Standing:
        """For the headers."""

    def settle(self, counts: Counts) -> None:
        """Call once, at the end, with what was used."""


class Gate(Protocol):
    """Lets requests in."""

    def authenticate(self, authorization: str | None) -> Caller:
        """Who sends this header. Raises `AdmissionError`. Must not block."""

    async def reserve(self, caller: Caller, model: str, num_tokens: int) -> Reservation:
        """Room for one request of at most `num_tokens`. Raises `AdmissionError`."""


class OpenGate:
    """Lets everything in and counts nothing."""

    def authenticate(self, authorization: str | None) -> Caller:
        """Nobody in particular."""
        return ANONYMOUS

    async def reserve(self, caller: Caller, model: str, num_tokens: int) -> Reservation:
        """Always."""
        return _Unlimited()


class _Unlimited:
    standing = Standing()

    def settle(self, counts: Counts) -> None:
        pass


class Admission:
    """One request between authentication and its last byte.

    `tell_headers` is called with the rate limit headers, before there is anything to answer.
    """

    def __init__(
        self,
        gate: Gate,
        caller: Caller,
        chat: ChatRequest,
        model: ModelCard,
        tell_headers: Callable[[Mapping[str, str]], None],
    ) -> None:
        self.meter = Meter(self._admit)
        self._gate = gate
        self._caller = caller
        self._model = model.alias_of or model.id
        self._is_assumed = chat.max_tokens is None
        self._num_completion_tokens = chat.num_choices * (
            ASSUMED_COMPLETION_TOKENS if chat.max_tokens is None else chat.max_tokens
        )
        self._tell_headers = tell_headers
        self._reservation: Reservation | None = None

    def settle(self, *, was_served: bool) -> None:
        """The request has ended. Not served: it was refused without having cost anything."""
        reservation, self._reservation = self._reservation, None
        if reservation is not None:
            reservation.settle(
                Counts(
                    num_requests=int(was_served),
                    num_prompt_tokens=self.meter.num_prompt_tokens,
                    num_cached_tokens=self.meter.num_cached_tokens,
                    num_completion_tokens=self.meter.num_completion_tokens,
                )
            )

    async def _admit(self, num_prompt_tokens: int, max_completion_tokens: int) -> None:
        num_tokens = num_prompt_tokens + min(self._num_completion_tokens, max_completion_tokens)
        if self._is_assumed:  # nobody asked for so many: they shall not be too many
            num_tokens = max(
                num_prompt_tokens, min(num_tokens, _smallest_token_limit(self._caller))
            )
        try:
            reservation = await self._gate.reserve(self._caller, self._model, num_tokens)
        except (RateLimitExceededError, RequestTooLargeError) as error:
            self._tell_headers(rate_limit_headers(error.standing))
            raise
        self._reservation = reservation
        self._tell_headers(rate_limit_headers(reservation.standing))


def _smallest_token_limit(caller: Caller) -> int:
    limits = (
        limit
        for scope in caller.scopes
        for name, limit in scope.limits.items()
        if COUNTS_TOKENS[name]
    )
    return min(limits, default=sys.maxsize)


def check_model(caller: Caller, model: ModelCard) -> None:
    """Raises `ModelNotAllowedError`."""
    if not may_use(caller, model):
        raise ModelNotAllowedError(model.id)


def check_tier(caller: Caller, service_tier: str) -> None:
    """Raises `TierNotAllowedError`."""
    if service_tier == "performance" and not caller.may_use_performance:
        raise TierNotAllowedError(service_tier)


def may_use(caller: Caller, model: ModelCard) -> bool:
    """By the model's own name, or by the alias that was asked for."""
    return not caller.models or model.id in caller.models or model.alias_of in caller.models


def rate_limit_headers(standing: Standing) -> dict[str, str]:
    """`x-ratelimit-...`: requests are those per day, tokens those per minute."""
    headers = {}
    for unit, gauge in (("requests", standing.requests), ("tokens", standing.tokens)):
        if gauge is not None:
            headers[f"x-ratelimit-limit-{unit}"] = str(gauge.limit)
            headers[f"x-ratelimit-remaining-{unit}"] = str(gauge.remaining)
            headers[f"x-ratelimit-reset-{unit}"] = duration_text(
                math.floor(gauge.reset_s * 1000) / 1000
            )
    return headers


def rate_limit_message(error: RateLimitExceededError) -> str:
    """Clients read the numbers and the duration out of it: keep their form."""
    return (
        f"Rate limit of `{error.owner}` for model `{error.model}` reached on "
        f"{LIMIT_WORDS[error.name]}: Limit {error.limit}, Used {error.used}, "
        f"Requested {error.requested}. Please try again in "
        f"{duration_text(max(error.wait_s, _SHORTEST_WAIT_S))}."
    )


def too_large_message(error: RequestTooLargeError) -> str:
    """No `Used` and no wait: neither matters."""
    return (
        f"Request too large for model `{error.model}`: `{error.owner}` has a limit on "
        f"{LIMIT_WORDS[error.name]}: Limit {error.limit}, Requested {error.requested}. Please reduce "
        "the messages or max_tokens and try again."
    )


def error_type(error: RateLimitExceededError | RequestTooLargeError) -> ErrorType:
    """`tokens` or `requests`."""
    return "tokens" if COUNTS_TOKENS[error.name] else "requests"


def retry_headers(error: RateLimitExceededError) -> dict[str, str]:
    """Whole seconds, rounded up. Nobody should sleep on a daily limit: the SDK is told not to."""
    headers = {"retry-after": str(math.ceil(max(error.wait_s, _SHORTEST_WAIT_S)))}
    if error.name in ("rpd", "tpd"):
        headers["x-should-retry"] = "false"
    return headers


def duration_text(seconds: float) -> str:
    """As Go prints durations (package time, Duration.String): 2h22m12.864s, 6s, 172ms, 0s."""
    nanoseconds = round(seconds * 1e9)
    if nanoseconds < 1_000_000_000:
        return f"{_decimal(nanoseconds, 1_000_000)}ms" if nanoseconds else "0s"
    minutes, rest = divmod(nanoseconds, 60 * 1_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, 1_000_000_000)}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    digits = f"{fraction:0{len(str(unit)) - 1}d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
