"""Parses the text of one choice incrementally: reasoning, calls, content up to a stop sequence.

Stop sequences match in content only, never in reasoning or in a call.
"""

from __future__ import annotations

from collections.abc import Iterable

from galop.chat.output.json_stop import JsonStopMatcher
from galop.chat.output.reasoning import ReasoningParser
from galop.chat.output.segments import Segment
from galop.chat.output.stop import StopMatcher
from galop.chat.output.tool_calls import ToolCallParser


class OutputParser:
    """A pipeline for one choice: reasoning, then calls, then stop sequences. None omits a stage."""

    def __init__(
        self,
        *,
        reasoning: ReasoningParser | None = None,
        calls: ToolCallParser | None = None,
        stop_matcher: StopMatcher | JsonStopMatcher | None = None,
    ) -> None:
        self.is_stopped = False
        """True once a stop sequence was found. Later content is dropped."""
        self._reasoning = reasoning
        self._calls = calls
        self._stop_matcher = stop_matcher
        self.is_plain = reasoning is None and calls is None and stop_matcher is None
        """True: all text is content, and none is ever held back."""
        self._num_matching = 0
        """Characters that the stop matcher holds or has dropped."""

    @property
    def is_reasoning(self) -> bool:
        """True while the next text belongs to the reasoning."""
        return self._reasoning is not None and self._reasoning.is_reasoning

    @property
    def num_calls(self) -> int:
        """Complete calls so far."""
        return 0 if self._calls is None else self._calls.num_calls

    @property
    def is_inside_call(self) -> bool:
        """True between the beginning and the end of a call."""
        return self._calls is not None and self._calls.is_inside_call

    @property
    def num_held(self) -> int:
        """Characters that are held back; after a stop sequence, also those that were dropped."""
        num_held = self._num_matching
        num_held += 0 if self._reasoning is None else self._reasoning.num_held
        return num_held + (0 if self._calls is None else self._calls.num_held)

    def add(self, text: str) -> list[Segment]:
        """The segments that are certain now. Raises `CallSyntaxError`."""
        if self.is_plain:
            return [Segment("content", text)] if text else []
        if self._reasoning is None:
            return self._answer([Segment("content", text)] if text else [])
        return self._answer(self._reasoning.add(text))

    def flush(self) -> list[Segment]:
        """The segments that were held back, at the end of the text. Raises `CallSyntaxError` inside a call."""
        segments = [] if self._reasoning is None else self._answer(self._reasoning.flush())
        if self._calls is not None:
            segments += self._matched(self._calls.flush())
        return segments + self._released()

    def _answer(self, segments: Iterable[Segment]) -> list[Segment]:
        found: list[Segment] = []
        for segment in segments:
            if segment.kind == "content" and self._calls is not None:
                found += self._matched(self._calls.add(segment.text))
            else:
                found += self._matched([segment])
        return found

    def _matched(self, segments: Iterable[Segment]) -> list[Segment]:
        if self._stop_matcher is None:
            return list(segments)
        found: list[Segment] = []
        for segment in segments:
            if self.is_stopped:
                self._num_matching += len(segment.text)
                continue
            if segment.kind != "content":
                found += [*self._released(), segment]
                continue
            text, self.is_stopped = self._stop_matcher.add(segment.text)
            self._num_matching += len(segment.text) - len(text)
            if text:
                found.append(Segment("content", text))
        return found

    def _released(self) -> list[Segment]:
        """Text that was held back as a possible stop sequence and is none."""
        if self._stop_matcher is None or self.is_stopped:
            return []
        text = self._stop_matcher.flush()
        self._num_matching -= len(text)
        return [Segment("content", text)] if text else []
