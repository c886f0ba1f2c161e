"""What a request has been given already, when the engine starts it again from its prompt.

The engine is deterministic (docs/decisions/0002): a new one that gets the same request says the
same tokens, computed in the same way, constraint included. So a request is simply run again, and
what its reader has seen is left out. Feeding the known tokens as a prompt would be faster, but rows
computed together differ from rows computed one by one, and so would the tokens after them.
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
