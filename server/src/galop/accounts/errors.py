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

from galop.accounts.limits import LimitName, RemainingLimits


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
    """`used` of `limit` are used, and `requested` more fit in `wait_s` seconds. See `ExceededLimit`."""

    def __init__(
        self,
        *,
        owner: str,
        model: str,
        name: LimitName,
        limit: int,
        used: int,
        requested: int,
        wait_s: float,
        remaining_limits: RemainingLimits,
    ) -> None:
        super().__init__(f"{owner}: {name} {used} + {requested} > {limit}, {wait_s:.3f} s")
        self.owner = owner
        self.model = model
        self.name: LimitName = name
        self.limit = limit
        self.used = used
        self.requested = requested
        self.wait_s = wait_s
        self.remaining_limits = remaining_limits


class RequestTooLargeError(AdmissionError):
    """`requested` alone exceeds `limit`, in tokens or requests. See `ExceededLimit`."""

    def __init__(
        self,
        *,
        owner: str,
        model: str,
        name: LimitName,
        limit: int,
        requested: int,
        remaining_limits: RemainingLimits,
    ) -> None:
        super().__init__(f"{owner}: {name} {requested} > {limit}")
        self.owner = owner
        self.model = model
        self.name: LimitName = name
        self.limit = limit
        self.requested = requested
        self.remaining_limits = remaining_limits
