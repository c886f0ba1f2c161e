"""Finds stop sequences in text that comes in pieces.

Text that may be the beginning of a stop sequence is held back until it is known not to be one. The
sequence that is complete first wins, the longest where several are complete at once; it and
everything after it is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence


class StopMatcher:
    """One choice's text against up to four stop sequences."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = tuple(stop)
        self._longest = max((len(each) for each in self._stop), default=0)
        self._held = ""
        self.has_matched = False

    def feed(self, text: str) -> str:
        """The text that can be given out now. After a match: what came before it, then nothing."""
        if self.has_matched:
            return ""
        if not self._stop:
            return text
        text = self._held + text
        matches = [(at + len(each), at) for each in self._stop if (at := text.find(each)) >= 0]
        if matches:
            self._held = ""
            self.has_matched = True
            return text[: min(matches)[1]]
        num_held = self._num_held(text)
        self._held = text[len(text) - num_held :]
        return text[: len(text) - num_held]

    def flush(self) -> str:
        """What was held back, at the end of the text."""
        text, self._held = self._held, ""
        return text

    def _num_held(self, text: str) -> int:
        """Length of the longest end of `text` that is the beginning of a stop sequence."""
        for length in range(min(self._longest - 1, len(text)), 0, -1):
            end = text[len(text) - length :]
            if any(each.startswith(end) for each in self._stop):
                return length
        return 0
