"""Finds stop sequences in text that arrives in pieces.

The answer ends before the first stop sequence that is completed; if two are completed by the same
character, before the one that starts first. So the cut does not depend on where pieces begin and end.
Text that may be the start of a stop sequence is held back until it is known not to be one.

Each sequence is followed by its Knuth-Morris-Pratt automaton: one step per character, whatever the
sequence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence


class StopMatcher:
    """Watches the text of one choice for `stops`, none of them empty."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._automata = [StopAutomaton(stop) for stop in stops]
        self._starts = re.compile("[" + "".join(re.escape(stop[0]) for stop in stops) + "]")
        self._held = ""

    def add(self, text: str) -> tuple[str, bool]:
        """What may be shown now, and whether a stop sequence ended the answer.

        After a match nothing may be added: the text behind it is dropped.
        """
        if not self._held and self._starts.search(text) is None:
            return text, False
        num_held = len(self._held)
        joined = self._held + text
        for position in range(num_held, len(joined)):
            character = joined[position]
            num_stop = 0
            for automaton in self._automata:
                if automaton.advance(character):
                    num_stop = max(num_stop, len(automaton.stop))
            if num_stop:
                self._held = ""
                return joined[: position + 1 - num_stop], True
        num_held = max(automaton.num_matched for automaton in self._automata)
        cut = len(joined) - num_held
        self._held = joined[cut:]
        return joined[:cut], False

    def flush(self) -> str:
        """What was held back: nothing follows that could make it a stop sequence."""
        held, self._held = self._held, ""
        return held


class StopAutomaton:
    """Follows one stop sequence: how many of its characters the text ends with."""

    def __init__(self, stop: str) -> None:
        self.stop = stop
        self.num_matched = 0
        self._borders = _borders(stop)

    def advance(self, character: str) -> bool:
        """Take one character; True if the sequence is complete with it."""
        matched = self.num_matched
        while matched and self.stop[matched] != character:
            matched = self._borders[matched - 1]
        if self.stop[matched] == character:
            matched += 1
        self.num_matched = matched
        return matched == len(self.stop)


def _borders(text: str) -> list[int]:
    """For every prefix: the length of the longest proper prefix that is also its suffix."""
    borders = [0] * len(text)
    for index in range(1, len(text)):
        length = borders[index - 1]
        while length and text[index] != text[length]:
            length = borders[length - 1]
        borders[index] = length + (text[index] == text[length])
    return borders
