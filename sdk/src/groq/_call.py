"""The course of one call: send, look, wait, send again. Pure: a generator that does no I/O.

`call_flow` yields what should happen next; a shell, synchronous or not, does it and sends back
the outcome. That is how both clients share one retry logic (the idea is httpx's auth flow).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass

import httpx

from ._deadline import Deadline
from ._exceptions import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    status_error,
)
from ._faults import is_timeout, is_transport_fault, may_pass, timeout_phase
from ._retry import RetryDetails, RetryPolicy


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request. Answer with the response, or with the exception that sending raised."""

    retries_taken: int


@dataclass(frozen=True, slots=True)
class Discard:
    """Close this response unread."""

    response: httpx.Response


@dataclass(frozen=True, slots=True)
class Read:
    """Read this response's body to its end."""

    response: httpx.Response


@dataclass(frozen=True, slots=True)
class Wait:
    """Let this many seconds pass."""

    seconds: float


Step = Send | Discard | Read | Wait
Flow = Generator[Step, "httpx.Response | Exception | None", "httpx.Response"]


def call_flow(
    policy: RetryPolicy,
    max_retries: int,
    *,
    request: httpx.Request | None,
    deadline: Deadline | None,
    is_replayable: bool,
    retries_taken: int = 0,
) -> Flow:
    """Return the successful response (its body unread, if the shell left it so).

    Raises:
        APIStatusError: the last answer was an error, or its Retry-After is beyond the policy.
        APITimeoutError, APIConnectionError: there was no answer, and no retry left.
        Exception: whatever the transport raised that is not its own fault, unchanged.
    """
    waited_s = 0.0
    while True:
        outcome = yield Send(retries_taken)
        assert outcome is not None
        if not isinstance(outcome, Exception):
            response = outcome
            if response.status_code < 400:
                return response
            headers: Mapping[str, str] | None = response.headers
            status_code: int | None = response.status_code
            error: Exception | None = None
            may_retry = policy.retries_status(response.status_code, response.headers)
        else:
            if not is_transport_fault(outcome):
                raise outcome
            error = outcome
            headers = status_code = None
            may_retry = may_pass(outcome)
        wait_s = None
        if may_retry and is_replayable and retries_taken < max_retries:
            wait_s = policy.wait_s(retries_taken + 1, headers, waited_s=waited_s)
        if wait_s is not None and deadline is not None:
            left_s, _ = deadline.remaining()
            if left_s is not None and wait_s >= left_s:
                wait_s = None
        if wait_s is None:
            if error is not None:
                raise connection_error(error, request, deadline) from error
            yield Read(response)
            raise status_error(response)
        if error is None:
            yield Discard(response)
        retries_taken += 1
        if policy.on_retry is not None:
            policy.on_retry(RetryDetails(retries_taken, wait_s, status_code, error))
        waited_s += wait_s
        yield Wait(wait_s)


def resume_flow(
    policy: RetryPolicy,
    max_retries: int,
    fault: APIError,
    *,
    deadline: Deadline | None,
    retries_taken: int,
) -> Flow:
    """`call_flow`, going on after a stream failed before its first chunk.

    Nothing has been handed out yet, so the caller cannot tell the difference. Raises `fault` itself
    if it is not worth another try.
    """
    if isinstance(fault, APIStatusError):
        may_retry = policy.retries_status(fault.status_code, {})
    else:
        may_retry = isinstance(fault, APIConnectionError)
    wait_s = None
    if may_retry and retries_taken < max_retries:
        wait_s = policy.wait_s(retries_taken + 1, None)
    if wait_s is not None and deadline is not None:
        left_s, _ = deadline.remaining()
        if left_s is not None and wait_s >= left_s:
            wait_s = None
    if wait_s is None:
        raise fault
    if policy.on_retry is not None:
        status_code = getattr(fault, "status_code", None)
        policy.on_retry(RetryDetails(retries_taken + 1, wait_s, status_code, fault))
    yield Wait(wait_s)
    return (
        yield from call_flow(
            policy,
            max_retries,
            request=fault.request,
            deadline=deadline,
            is_replayable=True,
            retries_taken=retries_taken + 1,
        )
    )


def connection_error(
    error: Exception, request: httpx.Request | None, deadline: Deadline | None
) -> APIConnectionError:
    """The typed error for a fault of the transport before, or instead of, a complete answer."""
    request = getattr(error, "_request", None) or request or httpx.Request("GET", "")
    phase = None if deadline is None else deadline.expired_phase
    if phase is not None or is_timeout(error):
        phase = phase or timeout_phase(error)
        return APITimeoutError(request, message=f"Request timed out. ({phase})", phase=phase)
    cause = ": ".join(filter(None, (type(error).__name__, str(error))))
    return APIConnectionError(message=f"Connection error. ({cause})", request=request)
