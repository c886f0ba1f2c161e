"""Errors of keys, limits and the ledger's database.

LedgerError, for the operator
├── LedgerUnavailableError     the database or the state directory cannot be used
├── KeyNotFoundError           no active key has this name or id
└── NameTakenError             an active key has this name already

AdmissionError, for the client
├── InvalidApiKeyError         the request has no valid key
├── ModelNotAllowedError       the key may not use this model
├── TierNotAllowedError        the key may not use this service tier
├── RateLimitExceededError     the request exceeds a limit now, and fits later
└── RequestTooLargeError       the request alone exceeds a limit: it never fits
"""

from __future__ import annotations

from galop.accounts.limits import ExceededLimit, RemainingLimits


class LedgerError(Exception):
    """Base of the errors that a command prints; the text is one line."""


class AdmissionError(Exception):
    """Base of the reasons why a request is refused."""


class LedgerUnavailableError(LedgerError):
    """`reason` is one line for the operator."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class KeyNotFoundError(LedgerError):
    """No active key has the name or id `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no active key with the name or id {name!r}")
        self.name = name


class NameTakenError(LedgerError):
    """An active key has the name `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is an active key with the name {name!r} already")
        self.name = name


class InvalidApiKeyError(AdmissionError):
    """`reason` is for the log; the client only learns that the key is not valid."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ModelNotAllowedError(AdmissionError):
    """The key may not use `model`."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.model = model


class TierNotAllowedError(AdmissionError):
    """The key may not use `service_tier`."""

    def __init__(self, service_tier: str) -> None:
        super().__init__(service_tier)
        self.service_tier = service_tier


class RateLimitExceededError(AdmissionError):
    """A request to `model` exceeds a limit and fits in `exceeded.wait_s` seconds."""

    def __init__(
        self, exceeded: ExceededLimit, *, model: str, remaining_limits: RemainingLimits
    ) -> None:
        super().__init__(
            f"{exceeded.owner}: {exceeded.name} {exceeded.used} + {exceeded.requested} "
            f"> {exceeded.limit}, {exceeded.wait_s:.3f} s"
        )
        self.exceeded = exceeded
        self.model = model
        self.remaining_limits = remaining_limits


class RequestTooLargeError(AdmissionError):
    """A request to `model` exceeds a limit by itself; `exceeded.wait_s` is infinite."""

    def __init__(
        self, exceeded: ExceededLimit, *, model: str, remaining_limits: RemainingLimits
    ) -> None:
        super().__init__(
            f"{exceeded.owner}: {exceeded.name} {exceeded.requested} > {exceeded.limit}"
        )
        self.exceeded = exceeded
        self.model = model
        self.remaining_limits = remaining_limits
