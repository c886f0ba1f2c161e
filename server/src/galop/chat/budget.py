"""The token budget of a choice."""

from __future__ import annotations

from galop.chat.errors import ContextLengthExceededError


def completion_budget(
    *, num_prompt_tokens: int, context_window: int, max_tokens: int | None
) -> int:
    """The smaller of `max_tokens` and what the prompt leaves of the context window; at least 1.

    Raises `ContextLengthExceededError` if the prompt leaves no token.
    """
    num_left = context_window - num_prompt_tokens
    if num_left < 1:
        raise ContextLengthExceededError(
            num_prompt_tokens=num_prompt_tokens,
            max_prompt_tokens=context_window - 1,
            context_window=context_window,
        )
    return num_left if max_tokens is None else min(max_tokens, num_left)
