"""What can go wrong with who asks and how much.

LedgerError, for the operator
├── LedgerUnavailableError     the database or the state directory cannot be used
├── KeyNotFoundError           no active key is called like this
└── NameTakenError             an active key has this name already

AdmissionError, for the client
├── InvalidApiKeyError         the request has no valid key
├── ModelNotAllowedError       the key may not use this model
├── TierNotAllowedError        the key may not use this service tier
├── RateLimitExceededError     a limit has no room now; it will later
└── RequestTooLargeError       the request is larger than the limit itself: it never will fit
"""

from __future__ import annotations

from galop.accounts.limits import LimitName, Standing


class LedgerError(Exception):
    """Base of what an operator is told; the text is one line."""


class AdmissionError(Exception):
    """Base of the reasons why a request is not let in."""


class LedgerUnavailableError(LedgerError):
    """`reason` is one line for the operator."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class KeyNotFoundError(LedgerError):
    """Nothing is called `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no active key with the name or id {name!r}")
        self.name = name


class NameTakenError(LedgerError):
    """An active key is called `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is an active key with the name {name!r} already")
        self.name = name


class InvalidApiKeyError(AdmissionError):
    """`reason` is for the log; the client is told only that the key is not valid."""

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
    """`used` of `limit` are taken and `requested` do not fit for another `wait_s` seconds."""

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
        standing: Standing,
    ) -> None:
        super().__init__(f"{owner}: {name} {used} + {requested} > {limit}, {wait_s:.3f} s")
        self.owner = owner
        self.model = model
        self.name: LimitName = name
        self.limit = limit
        self.used = used
        self.requested = requested
        self.wait_s = wait_s
        self.standing = standing


class RequestTooLargeError(AdmissionError):
    """`requested` tokens are more than `limit`, whoever else uses it."""

    def __init__(
        self,
        *,
        owner: str,
        model: str,
        name: LimitName,
        limit: int,
        requested: int,
        standing: Standing,
    ) -> None:
        super().__init__(f"{owner}: {name} {requested} > {limit}")
        self.owner = owner
        self.model = model
        self.name: LimitName = name
        self.limit = limit
        self.requested = requested
        self.standing = standing
