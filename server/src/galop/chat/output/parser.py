"""The text of one choice, understood as it comes: reasoning, content up to a stop sequence, calls.

Stop sequences count in content alone: they never cut a call, nor what is thought before.
"""

from __future__ import annotations

from collections.abc import Iterable

from galop.chat.output.json_stop import JsonStopMatcher
from galop.chat.output.marker import Piece
from galop.chat.output.reasoning import ReasoningParser
from galop.chat.output.stop import StopMatcher
from galop.chat.output.tool_calls import ToolCallParser


class OutputParser:
    """Reads one choice. A stage that is None passes everything on."""

    def __init__(
        self,
        *,
        reasoning: ReasoningParser | None = None,
        calls: ToolCallParser | None = None,
        stop_matcher: StopMatcher | JsonStopMatcher | None = None,
    ) -> None:
        self.is_stopped = False
        """A stop sequence has been found; further text is not wanted."""
        self._reasoning = reasoning
        self._calls = calls
        self._stop_matcher = stop_matcher
        self.is_plain = reasoning is None and calls is None and stop_matcher is None
        """Everything is content, and nothing is ever held back."""
        self._num_matching = 0
        """Characters that the stop matcher has taken and not given back."""

    @property
    def is_reasoning(self) -> bool:
        """True while what comes next belongs to the thinking."""
        return self._reasoning is not None and self._reasoning.is_reasoning

    @property
    def num_calls(self) -> int:
        """Whole calls so far."""
        return 0 if self._calls is None else self._calls.num_calls

    @property
    def is_inside_call(self) -> bool:
        """True while a call has begun and is not whole."""
        return self._calls is not None and self._calls.is_inside_call

    @property
    def num_held(self) -> int:
        """Characters that were taken and are in no piece yet; after a stop, will never be."""
        num_held = self._num_matching
        num_held += 0 if self._reasoning is None else self._reasoning.num_held
        return num_held + (0 if self._calls is None else self._calls.num_held)

    def add(self, text: str) -> list[Piece]:
        """What is known now. Raises `CallSyntaxError`."""
        if self.is_plain:
            return [Piece("content", text)] if text else []
        if self._reasoning is None:
            return self._answer([Piece("content", text)] if text else [])
        return self._answer(self._reasoning.add(text))

    def flush(self) -> list[Piece]:
        """What was held back: nothing follows. Raises `CallSyntaxError` inside a call."""
        pieces = [] if self._reasoning is None else self._answer(self._reasoning.flush())
        if self._calls is not None:
            pieces += self._matched(self._calls.flush())
        return pieces + self._released()

    def _answer(self, pieces: Iterable[Piece]) -> list[Piece]:
        found: list[Piece] = []
        for piece in pieces:
            if piece.kind == "content" and self._calls is not None:
                found += self._matched(self._calls.add(piece.text))
            else:
                found += self._matched([piece])
        return found

    def _matched(self, pieces: Iterable[Piece]) -> list[Piece]:
        if self._stop_matcher is None:
            return list(pieces)
        found: list[Piece] = []
        for piece in pieces:
            if self.is_stopped:
                self._num_matching += len(piece.text)
                continue
            if piece.kind != "content":
                found += [*self._released(), piece]
                continue
            text, self.is_stopped = self._stop_matcher.add(piece.text)
            self._num_matching += len(piece.text) - len(text)
            if text:
                found.append(Piece("content", text))
        return found

    def _released(self) -> list[Piece]:
        """What may have been the beginning of a stop sequence, and is none."""
        if self._stop_matcher is None or self.is_stopped:
            return []
        text = self._stop_matcher.flush()
        self._num_matching -= len(text)
        return [Piece("content", text)] if text else []
