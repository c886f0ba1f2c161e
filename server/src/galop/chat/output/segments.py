"""Text that arrives in pieces, up to a marker in it; and what such text turns out to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from galop.chat.output.stop import StopAutomaton

PieceKind = Literal["reasoning", "content", "call"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the generated text that is understood."""

    kind: PieceKind
    text: str
    """To show, never empty; of a call the arguments."""
    name: str = ""
    """The function of a call."""


class MarkerSearch:
    """Looks for the first `marker`. White space is held back until it is known not to precede it."""

    def __init__(self, marker: str) -> None:
        self.held = ""
        self._automaton = StopAutomaton(marker)

    def add(self, text: str) -> tuple[str, str | None]:
        """What comes before the marker, as far as it is known, and all that comes from the marker on.

        The latter is None until the marker is found; after that nothing may be added.
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
