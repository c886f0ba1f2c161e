"""Errors of requests: their texts, which callers read, and the fields behind them."""

from __future__ import annotations

import pytest

from galop.protocol.errors import (
    BudgetTooSmallError,
    ConstraintFailedError,
    EngineDiedError,
    EngineError,
    EngineInternalError,
    EngineUnavailableError,
    QueueFullError,
    QueueShareFullError,
    RequestQuarantinedError,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            QueueFullError(num_waiting=9, limit=8, retry_after_s=2),
            "9 sequences are waiting and the queue holds 8",
        ),
        (
            QueueShareFullError(num_waiting=90, limit=80, retry_after_s=2, unit="prompt tokens"),
            "90 prompt tokens are waiting and the queue holds 80",
        ),
        (EngineUnavailableError("the engine is starting"), "the engine is starting"),
        (EngineDiedError(exit_code=-9), "the engine process ended (exit code -9)"),
        (RequestQuarantinedError(), "a request like this one ended the engine before"),
        (ConstraintFailedError("no such type"), "no such type"),
        (
            BudgetTooSmallError(num_tokens_needed=12, num_tokens=5),
            "max completion tokens reached before generating a valid document: "
            "the smallest one takes 12 tokens, and 5 are left for it",
        ),
        (EngineInternalError("IndexError()"), "IndexError()"),
    ],
)
def test_the_text_states_the_fact(error: EngineError, text: str) -> None:
    assert str(error) == text


def test_errors_that_pass_say_when_to_try_again() -> None:
    """In whole seconds, as the Retry-After header has it."""
    assert QueueFullError(num_waiting=9, limit=8, retry_after_s=2).retry_after_s == 2
    assert EngineUnavailableError("restarting").retry_after_s == 1


def test_a_budget_that_is_too_small_is_a_failed_constraint_with_its_figures() -> None:
    error = BudgetTooSmallError(num_tokens_needed=12, num_tokens=5)
    assert isinstance(error, ConstraintFailedError)
    assert (error.num_tokens_needed, error.num_tokens, error.reason) == (12, 5, str(error))
