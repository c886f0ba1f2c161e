"""How many tokens an answer may have: prompt and answer share the context window."""

from __future__ import annotations

from galop.chat.errors import ContextLengthExceededError


def completion_budget(num_prompt_tokens: int, max_tokens: int | None, context_window: int) -> int:
    """`max_tokens`, or what is left of the window where that is less or nothing was asked for.

    Raises `ContextLengthExceededError` if not one token would be left.
    """
    room = context_window - num_prompt_tokens
    if room < 1:
        raise ContextLengthExceededError(
            num_prompt_tokens=num_prompt_tokens,
            max_prompt_tokens=context_window - 1,
            context_window=context_window,
        )
    return room if max_tokens is None else min(max_tokens, room)
