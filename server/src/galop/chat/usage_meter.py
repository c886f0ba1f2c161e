"""Counts the tokens of one request while it runs."""

from __future__ import annotations

from galop.chat.events import Usage
from galop.protocol.events import Finished, Prefilled, Tokens


class UsageMeter:
    """Counts the tokens of one request; valid at any moment. Implements `chat.Meter`."""

    def __init__(self) -> None:
        self.num_prompt_tokens = 0
        """0 before the end of the prefill."""
        self.num_cached_tokens = 0
        """Prompt tokens that were found in the prefix cache."""
        self._num_completion_tokens: dict[int, int] = {}

    @property
    def num_completion_tokens(self) -> int:
        """Tokens of all choices so far."""
        return sum(self._num_completion_tokens.values())

    def record(self, event: Prefilled | Tokens | Finished, *, num_prompt_tokens: int) -> None:
        """See `Meter.record`."""
        if isinstance(event, Prefilled):
            self.num_prompt_tokens = num_prompt_tokens
            self.num_cached_tokens = event.num_cached_tokens
        elif isinstance(event, Tokens):
            known = self._num_completion_tokens.get(event.choice_index, 0)
            self._num_completion_tokens[event.choice_index] = known + len(event.token_ids)
        else:
            self._num_completion_tokens[event.choice_index] = event.num_completion_tokens

    def choice_ended(self) -> None:
        """See `Meter.choice_ended`."""

    def completed(self, usage: Usage) -> None:
        """See `Meter.completed`."""
        self.num_prompt_tokens = usage.prompt_tokens
        self.num_cached_tokens = usage.cached_tokens
        self._num_completion_tokens = {0: usage.completion_tokens}
