"""Leaves out the tokens that a request's reader has already, when a new engine runs it again.

A new engine generates from the prompt. Where the runner is batch-invariant (docs/decisions/0002, 0008), it
generates the same tokens again, constraint included. Where it is not, the tokens may differ; then the request
fails. Prefilling the known tokens as part of the prompt would be faster, but rows of one batch may differ in
their bits from rows computed one by one, and so may the tokens after them.
"""

from __future__ import annotations

from collections import defaultdict

import msgspec

from galop.protocol.events import Tokens


class ReplayMismatchError(Exception):
    """The new engine generated other tokens than the one before it."""


class Replay:
    """The tokens of each choice of a request, and how many of them the current engine has generated."""

    def __init__(self) -> None:
        self._token_ids: defaultdict[int, list[int]] = defaultdict(list)
        """Choice index to all that any engine has generated."""
        self._num_generated: defaultdict[int, int] = defaultdict(int)
        """Choice index to the number of tokens that the current engine has generated."""

    def restart(self) -> None:
        """Call when the request goes to another engine."""
        self._num_generated.clear()

    def new_tokens(self, event: Tokens) -> Tokens | None:
        """The part of the event that no earlier engine has generated; None if there is none.

        Raises `ReplayMismatchError`.
        """
        token_ids = self._token_ids[event.choice_index]
        start = self._num_generated[event.choice_index]
        self._num_generated[event.choice_index] += len(event.token_ids)
        known = token_ids[start : start + len(event.token_ids)]
        num_known = len(known)
        if known != event.token_ids[:num_known]:
            raise ReplayMismatchError(f"choice {event.choice_index} differs after token {start}")
        if not num_known:
            token_ids += event.token_ids
            return event
        new = event.token_ids[num_known:]
        token_ids += new
        logprobs = None if event.logprobs is None else event.logprobs[num_known:]
        return msgspec.structs.replace(event, token_ids=new, logprobs=logprobs) if new else None

    def check_finished(self, choice_index: int) -> None:
        """Raises `ReplayMismatchError` if the choice ended before all of its known tokens were generated."""
        num_missing = len(self._token_ids[choice_index]) - self._num_generated[choice_index]
        if num_missing:
            raise ReplayMismatchError(f"choice {choice_index} ended {num_missing} tokens early")
