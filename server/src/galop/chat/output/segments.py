"""The parts of a generated text, and the search for a marker that begins the next part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from galop.chat.output.stop import StopAutomaton

SegmentKind = Literal["reasoning", "content", "call"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the generated text whose kind is known."""

    kind: SegmentKind
    text: str
    """Never empty. Of a call: its arguments, JSON text."""
    name: str = ""
    """Of a call: the function's name."""


class MarkerSearch:
    """Finds the first `marker` in text that arrives in chunks. Drops white space before it."""

    def __init__(self, marker: str) -> None:
        self.held = ""
        """Text that may belong to the marker or be white space before it."""
        self._automaton = StopAutomaton(marker)

    def add(self, text: str) -> tuple[str, str | None]:
        """The text before the marker, as far as it is certain, and the text from the marker on.

        The latter is None until the marker is found. Then nothing may be added.
        """
        num_scanned = len(self.held)
        self.held += text
        for index in range(num_scanned, len(self.held)):
            if self._automaton.advance(self.held[index]):
                start = index + 1 - len(self._automaton.stop)
                found, self.held = self.held, ""
                return found[:start].rstrip(), found[start:]
        before = self.held[: len(self.held) - self._automaton.num_matched].rstrip()
        self.held = self.held[len(before) :]
        return before, None
