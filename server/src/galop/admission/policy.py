"""Who may make a request, and how much of the server it may use: what this room needs to know.

The rules are those of `galop.accounts`; here are their words on the wire. `Admission` is one request
on its way: reserved once its prompt is counted, settled when it ends, however it ends.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol

from galop.accounts.errors import (
    ModelNotAllowedError,
    RateLimitExceededError,
    RequestTooLargeError,
    TierNotAllowedError,
)
from galop.accounts.keys import ANONYMOUS, Caller
from galop.accounts.limits import COUNTS_TOKENS, Standing
from galop.accounts.usage import Counts
from galop.chat.meter import Meter
from galop.chat.request import ChatRequest, ModelCard

ASSUMED_COMPLETION_TOKENS = 1024
"""Reserved for an answer whose request sets no `max_tokens`: it may take the whole context window,
but hardly any does. What it takes beyond that is counted at its end."""


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

    `tell_standing` is called with what is left of the limits, before there is anything to answer.
    """

    def __init__(
        self,
        gate: Gate,
        caller: Caller,
        chat: ChatRequest,
        model: ModelCard,
        tell_standing: Callable[[Standing], None],
    ) -> None:
        self.meter = Meter(self._admit)
        self._gate = gate
        self._caller = caller
        self._model = model.alias_of or model.id
        self._is_assumed = chat.max_tokens is None
        self._num_completion_tokens = chat.num_choices * (
            ASSUMED_COMPLETION_TOKENS if chat.max_tokens is None else chat.max_tokens
        )
        self._tell_standing = tell_standing
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
            self._tell_standing(error.standing)
            raise
        self._reservation = reservation
        self._tell_standing(reservation.standing)


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
