"""The output spec of one request: JSON document, tools, reasoning. Builds the parser of a choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from galop.chat.events import ToolCall
from galop.chat.output.documents import DocumentSpec
from galop.chat.output.json_stop import JsonStopMatcher
from galop.chat.output.parser import OutputParser
from galop.chat.output.reasoning import BEGIN, ReasoningParser, ReasoningPlan
from galop.chat.output.stop import StopMatcher
from galop.chat.tools.toolset import Toolset


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    """What the answer may contain, and how its text is parsed."""

    document: DocumentSpec | None = None
    """None: the content is free text."""
    toolset: Toolset | None = None
    """None: no calls."""
    reasoning: ReasoningPlan | None = None
    """None: no reasoning."""
    is_thinking_open: bool | None = None
    """`reasoning.is_thinking_open` of the prompt."""

    @property
    def is_plain(self) -> bool:
        """True if all text is content."""
        return self.toolset is None and self.reasoning is None

    @property
    def is_call_required(self) -> bool:
        """True if an answer without a call is an error."""
        return self.toolset is not None and self.toolset.is_required

    @property
    def hides_reasoning(self) -> bool:
        """True if reasoning is generated but not returned."""
        return self.reasoning is not None and self.reasoning.format == "hidden"

    @property
    def echoed_prefix(self) -> str:
        """The end of the prompt that the answer repeats: `<think>` in the format `raw`, else nothing."""
        is_raw = self.reasoning is not None and self.reasoning.format == "raw"
        return f"{BEGIN}\n" if is_raw and self.is_thinking_open else ""

    @property
    def is_constrained(self) -> bool:
        """True if a grammar constrains the answer."""
        return self.toolset is not None or self.document is not None

    def parser(self, stops: Sequence[str]) -> OutputParser:
        """A parser for one choice. `stops`: stop sequences."""
        is_split = self.reasoning is not None and self.reasoning.format != "raw"
        return OutputParser(
            reasoning=ReasoningParser(is_open=self.is_thinking_open) if is_split else None,
            calls=None if self.toolset is None else self.toolset.parser(),
            stop_matcher=self._stop_matcher(stops),
        )

    def _stop_matcher(self, stops: Sequence[str]) -> StopMatcher | JsonStopMatcher | None:
        if not stops:
            return None
        return StopMatcher(stops) if self.document is None else JsonStopMatcher(stops)

    def check_call(self, call: ToolCall) -> None:
        """See `Toolset.check`."""
        assert self.toolset is not None, "without tools no calls are parsed"
        self.toolset.check(call.name, call.arguments)
