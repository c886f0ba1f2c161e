"""The interface to a ledger of keys and limits, and the permissions of a caller."""

from __future__ import annotations

from typing import Protocol

from galop.accounts.errors import ModelNotAllowedError, TierNotAllowedError
from galop.accounts.keys import ANONYMOUS, Caller
from galop.accounts.limits import RemainingLimits
from galop.accounts.usage import UsageCounts
from galop.chat.request import ModelCard


class Reservation(Protocol):
    """Tokens that are reserved for a running request."""

    @property
    def remaining_limits(self) -> RemainingLimits:
        """What is left of the caller's limits after this reservation."""

    def settle(self, counts: UsageCounts) -> None:
        """Replace the reserved tokens by the used ones. Must be called exactly once."""


class AdmissionPolicy(Protocol):
    """Identifies callers and enforces their rate limits."""

    def authenticate(self, authorization: str | None) -> Caller:
        """The caller that the `Authorization` header identifies. Raises `AdmissionError`. Must not block."""

    async def reserve(self, caller: Caller, model: str, num_tokens: int) -> Reservation:
        """Reserve `num_tokens` for one request. `model`: a name, not an alias. Raises `AdmissionError`."""


class OpenPolicy:
    """Accepts every request, without keys and limits."""

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
    if not can_use_model(caller, model):
        raise ModelNotAllowedError(model.id)


def check_tier(caller: Caller, service_tier: str) -> None:
    """Raises `TierNotAllowedError`."""
    if service_tier == "performance" and not caller.may_use_performance:
        raise TierNotAllowedError(service_tier)


def can_use_model(caller: Caller, model: ModelCard) -> bool:
    """True if the caller's key allows the model under this id, or under the name behind an alias."""
    return not caller.models or model.id in caller.models or model.alias_of in caller.models
