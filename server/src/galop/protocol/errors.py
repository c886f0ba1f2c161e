"""Errors of requests to an engine.

EngineError
├── QueueFullError            the bounded waiting queue has no room
│   └── QueueShareFullError   the bounded share of this key has no room
├── EngineUnavailableError    the engine process is starting, stopping or gone
├── EngineDiedError           the engine process ended while this request was in flight
├── RequestQuarantinedError   a request like this one killed the engine
├── ConstraintFailedError     the constraint could not be compiled, or allowed no token
│   ├── NoDocumentError       no document of the constraint was found
│   └── BudgetTooSmallError   no document of the constraint fits into max_tokens
└── EngineInternalError       a step raised: a bug
"""

from __future__ import annotations

from typing import Literal


class EngineError(Exception):
    """Base of the errors that refuse or end a request."""


QueueUnit = Literal["sequences", "prompt tokens"]
"""What a bound of the queue counts."""


class QueueFullError(EngineError):
    """The queue has no room: `num_waiting` units wait, and it holds `limit`. Try again in `retry_after_s`
    seconds."""

    def __init__(
        self,
        *,
        num_waiting: int,
        limit: int,
        retry_after_s: int,
        unit: QueueUnit = "sequences",
    ) -> None:
        super().__init__(f"{num_waiting} {unit} are waiting and the queue holds {limit}")
        self.unit: QueueUnit = unit
        self.num_waiting = num_waiting
        self.limit = limit
        self.retry_after_s = retry_after_s


class QueueShareFullError(QueueFullError):
    """The share of this key is used up: it has `num_waiting` units and may have `limit` now, running ones
    included."""


class EngineUnavailableError(EngineError):
    """The engine takes no requests now; `reason` says why in a few words. Try again in `retry_after_s`
    seconds."""

    def __init__(self, reason: str, *, retry_after_s: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s


class EngineDiedError(EngineError):
    """The engine process ended while it ran this request. `exit_code`: negative for a signal, None if
    unknown."""

    def __init__(self, *, exit_code: int | None) -> None:
        super().__init__(f"the engine process ended (exit code {exit_code})")
        self.exit_code = exit_code


class RequestQuarantinedError(EngineError):
    """A request with the same prompt and constraint killed the engine while it ran alone."""

    def __init__(self) -> None:
        super().__init__("a request like this one ended the engine before")


class ConstraintFailedError(EngineError):
    """The constraint could not be compiled, or allowed no token."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BudgetTooSmallError(ConstraintFailedError):
    """The smallest document takes `num_tokens_needed` tokens; the budget is `num_tokens`."""

    def __init__(self, *, num_tokens_needed: int, num_tokens: int) -> None:
        super().__init__(
            "max completion tokens reached before generating a valid document: the smallest one "
            f"takes {num_tokens_needed} tokens, and {num_tokens} are left for it"
        )
        self.num_tokens_needed = num_tokens_needed
        self.num_tokens = num_tokens


class NoDocumentError(ConstraintFailedError):
    """No document was found that satisfies the schema: there is none, or the search ended before it."""

    def __init__(self) -> None:
        super().__init__("no document was found that satisfies the schema")


class EngineInternalError(EngineError):
    """A step of the engine raised: a bug. `detail` is for the log, not for the caller."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
