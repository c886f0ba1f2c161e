"""Tokens that a request has been sent already, when a new engine runs it again from its prompt.

Where the model's runner is batch-invariant (docs/decisions/0002, 0008), a new engine repeats the same
tokens, constraint included, and those that were sent are left out. Where it is not, the tokens may
differ: that is noticed, and ends the request. Feeding the known tokens as a prompt would be faster, but
rows computed together differ from rows computed one by one, and so would the tokens after them.
"""

from __future__ import annotations

from collections import defaultdict

import msgspec

from galop.protocol.events import Tokens


class ReplayMismatchError(Exception):
    """The engine did not repeat itself: the answer cannot go on where it stopped."""


class Replay:
    """The tokens of each choice so far, and how many of them the engine that lives now has said."""

    def __init__(self) -> None:
        self._token_ids: defaultdict[int, list[int]] = defaultdict(list)
        self._num_said: defaultdict[int, int] = defaultdict(int)

    def start(self) -> None:
        """A new engine begins from the prompt."""
        self._num_said.clear()

    def news_in(self, event: Tokens) -> Tokens | None:
        """What of the event was not said before, None if nothing. Raises `ReplayMismatchError`."""
        token_ids = self._token_ids[event.choice_index]
        start = self._num_said[event.choice_index]
        self._num_said[event.choice_index] += len(event.token_ids)
        known = token_ids[start : start + len(event.token_ids)]
        num_known = len(known)
        if known != event.token_ids[:num_known]:
            raise ReplayMismatchError(f"choice {event.choice_index} differs after token {start}")
        if not num_known:
            token_ids += event.token_ids
            return event
        news = event.token_ids[num_known:]
        token_ids += news
        logprobs = None if event.logprobs is None else event.logprobs[num_known:]
        return msgspec.structs.replace(event, token_ids=news, logprobs=logprobs) if news else None

    def check_finished(self, choice_index: int) -> None:
        """Raises `ReplayMismatchError` if the choice ended earlier than it had come before."""
        num_missing = len(self._token_ids[choice_index]) - self._num_said[choice_index]
        if num_missing:
            raise ReplayMismatchError(f"choice {choice_index} ended {num_missing} tokens early")
