"""Who may use the server, which models and tiers, and how much: what this room asks of `accounts`."""

from __future__ import annotations

from typing import Protocol

from galop.accounts.errors import ModelNotAllowedError, TierNotAllowedError
from galop.accounts.keys import ANONYMOUS, Caller
from galop.accounts.limits import RemainingLimits
from galop.accounts.usage import UsageCounts
from galop.chat.request import ModelCard


class Reservation(Protocol):
    """Tokens that a running request was promised."""

    @property
    def remaining_limits(self) -> RemainingLimits:
        """What is left of the caller's limits."""

    def settle(self, counts: UsageCounts) -> None:
        """Replace the reserved tokens by those that were used. Call once, at the end."""


class AdmissionPolicy(Protocol):
    """Names callers and keeps their limits."""

    def authenticate(self, authorization: str | None) -> Caller:
        """The caller who sends this header. Raises `AdmissionError`. Must not block."""

    async def reserve(self, caller: Caller, model: str, num_tokens: int) -> Reservation:
        """Reserve at most `num_tokens` for one request. Raises `AdmissionError`."""


class OpenPolicy:
    """Lets everybody in and counts nothing."""

    def authenticate(self, authorization: str | None) -> Caller:
        """Returns the anonymous caller."""
        return ANONYMOUS

    async def reserve(self, caller: Caller, model: str, num_tokens: int) -> Reservation:
        """Returns a reservation without limits."""
        return _Unlimited()


class _Unlimited:
    remaining_limits = RemainingLimits()

    def settle(self, counts: UsageCounts) -> None:
        pass


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
