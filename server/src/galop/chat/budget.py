"""How many tokens an answer may have."""

from __future__ import annotations

from galop.chat.errors import ContextLengthExceededError


def completion_budget(
    *, num_prompt_tokens: int, context_window: int, max_tokens: int | None
) -> int:
    """At least 1: `max_tokens`, or what the prompt leaves of the context window if that is less.

    Raises `ContextLengthExceededError` if the prompt leaves no room for a single token.
    """
    num_left = context_window - num_prompt_tokens
    if num_left < 1:
        raise ContextLengthExceededError(
            num_prompt_tokens=num_prompt_tokens,
            max_prompt_tokens=context_window - 1,
            context_window=context_window,
        )
    return num_left if max_tokens is None else min(max_tokens, num_left)
