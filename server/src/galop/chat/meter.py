"""What one request uses, counted while it runs, and who must agree before it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from galop.chat.events import Usage
from galop.protocol.events import Finished, Prefilled, Tokens

Admit = Callable[[int, int], Awaitable[None]]
"""Is told how many tokens the prompt has, and how many all choices together can have at most. What
it raises ends the request before it costs anything."""


async def admit_all(num_prompt_tokens: int, max_completion_tokens: int) -> None:
    """Nobody is asked."""


class Meter:
    """Counts of one request, right at any moment: also when it is cancelled or fails."""

    def __init__(self, admit: Admit = admit_all) -> None:
        self.admit = admit
        self.num_prompt_tokens = 0
        """0 until the prompt has been computed."""
        self.num_cached_tokens = 0
        self._num_completion_tokens: dict[int, int] = {}

    @property
    def num_completion_tokens(self) -> int:
        """Of all choices so far."""
        return sum(self._num_completion_tokens.values())

    def take(self, event: Prefilled | Tokens | Finished, *, num_prompt_tokens: int) -> None:
        """Count what the engine has done."""
        if isinstance(event, Prefilled):
            self.num_prompt_tokens = num_prompt_tokens
            self.num_cached_tokens = event.num_cached_tokens
        elif isinstance(event, Tokens):
            known = self._num_completion_tokens.get(event.choice_index, 0)
            self._num_completion_tokens[event.choice_index] = known + len(event.token_ids)
        else:
            self._num_completion_tokens[event.choice_index] = event.num_completion_tokens

    def close(self, usage: Usage) -> None:
        """The bill is written: these are the numbers the caller is told."""
        self.num_prompt_tokens = usage.prompt_tokens
        self.num_cached_tokens = usage.cached_tokens
        self._num_completion_tokens = {0: usage.completion_tokens}
