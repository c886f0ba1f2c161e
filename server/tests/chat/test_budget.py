"""How many tokens an answer may have."""

from __future__ import annotations

import pytest

from galop.chat.budget import completion_budget
from galop.chat.errors import ContextLengthExceededError


@pytest.mark.parametrize(
    ("num_prompt_tokens", "max_tokens", "budget"),
    [(10, None, 90), (10, 5, 5), (10, 90, 90), (10, 91, 90), (99, None, 1), (99, 7, 1)],
)
def test_the_budget_is_max_tokens_or_the_rest_of_the_window(
    num_prompt_tokens: int, max_tokens: int | None, budget: int
) -> None:
    """The smaller of the two."""
    assert budget == completion_budget(
        num_prompt_tokens=num_prompt_tokens, context_window=100, max_tokens=max_tokens
    )


def test_a_prompt_that_fills_the_window_is_refused() -> None:
    """At least one token must fit after it."""
    with pytest.raises(ContextLengthExceededError):
        completion_budget(num_prompt_tokens=100, context_window=100, max_tokens=1)
