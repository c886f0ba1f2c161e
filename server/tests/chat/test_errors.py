"""The errors of the room: their fields and texts."""

from __future__ import annotations

import pytest

from galop.chat.errors import (
    CallBudgetTooSmallError,
    InvalidSchemaError,
    TemplateLimitError,
    ToolUseFailedError,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TemplateLimitError("seconds", 5.0), "more than 5 seconds"),
        (TemplateLimitError("characters", 1 << 20), "more than 1,048,576 characters"),
        (TemplateLimitError("seconds", 0.25), "more than 0.25 seconds"),
        (InvalidSchemaError("s", pointer="", reason="is not JSON"), "s: / is not JSON"),
    ],
)
def test_texts_name_the_limit_or_the_place(error: Exception, text: str) -> None:
    """Limits as numbers that people read; the root of a schema as `/`."""
    assert str(error) == text


def test_a_budget_without_a_call_is_a_failed_call() -> None:
    """Callers handle both alike; the text has both numbers."""
    error = CallBudgetTooSmallError(num_tokens_needed=30, num_tokens=8)
    assert isinstance(error, ToolUseFailedError)
    assert "30 tokens" in error.reason
    assert "8 are left" in error.failed_generation
