"""Finds stop sequences in text that arrives in chunks.

The content ends before the first stop sequence that is completed. If one character completes two, it ends
before the one that starts first. So the result does not depend on the chunks. Text that may be the
beginning of a stop sequence is held back until that is decided.

Every sequence has a Knuth-Morris-Pratt automaton: amortized one step per character.
"""

from __future__ import annotations

import re
from collections.abc import Sequence


class StopMatcher:
    """Finds `stops`, none of them empty, in the content of one choice."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._automata = [StopAutomaton(stop) for stop in stops]
        self._starts = re.compile("[" + "".join(re.escape(stop[0]) for stop in stops) + "]")
        self._held = ""

    def add(self, text: str) -> tuple[str, bool]:
        """The text that is certain to precede a stop sequence, and True if one was found.

        The stop sequence and the text after it are dropped. After a match nothing may be added.
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
        """The text that was held back, at the end of the content."""
        held, self._held = self._held, ""
        return held


class StopAutomaton:
    """The Knuth-Morris-Pratt automaton of one sequence."""

    def __init__(self, stop: str) -> None:
        self.stop = stop
        self.num_matched = 0
        """The length of the longest prefix of `stop` that the text ends with."""
        self._borders = _borders(stop)

    def advance(self, character: str) -> bool:
        """Add one character to the text; True if the text then ends with the sequence."""
        matched = self.num_matched
        while matched and self.stop[matched] != character:
            matched = self._borders[matched - 1]
        if self.stop[matched] == character:
            matched += 1
        self.num_matched = matched
        return matched == len(self.stop)


def _borders(text: str) -> list[int]:
    """For every prefix of `text`: the length of its longest proper prefix that is also its suffix."""
    borders = [0] * len(text)
    for index in range(1, len(text)):
        length = borders[index - 1]
        while length and text[index] != text[length]:
            length = borders[length - 1]
        borders[index] = length + (text[index] == text[length])
    return borders
