"""How the text of one request's answer is read: what it is to be, what is looked for, what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from galop.chat.events import ToolCall
from galop.chat.output.documents import DocumentKind
from galop.chat.output.json_stop import JsonStopMatcher
from galop.chat.output.parser import OutputParser
from galop.chat.output.reasoning import BEGIN, ReasoningParser, ReasoningPlan
from galop.chat.output.stop import StopMatcher
from galop.chat.tools.toolbox import Toolbox


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    """Without a toolbox there are no calls, without a plan no reasoning: everything is content."""

    document_kind: DocumentKind | None = None
    """The documents that the content is one of; None: free text."""
    toolbox: Toolbox | None = None
    reasoning: ReasoningPlan | None = None
    is_thinking_open: bool | None = None
    """See `reasoning.is_opened_by`."""

    @property
    def is_plain(self) -> bool:
        """True where there is nothing to look for."""
        return self.toolbox is None and self.reasoning is None

    @property
    def is_call_required(self) -> bool:
        """True where an answer without a call is none."""
        return self.toolbox is not None and self.toolbox.is_required

    @property
    def hides_reasoning(self) -> bool:
        """True where reasoning is not to be shown."""
        return self.reasoning is not None and self.reasoning.format == "hidden"

    @property
    def opening(self) -> str:
        """What belongs to the answer and stands in the prompt: where thinking is shown as it is
        written, the tag that the template wrote for the model."""
        is_raw = self.reasoning is not None and self.reasoning.format == "raw"
        return f"{BEGIN}\n" if is_raw and self.is_thinking_open else ""

    @property
    def is_constrained(self) -> bool:
        """True where the answer has a grammar."""
        return self.toolbox is not None or self.document_kind is not None

    def parser(self, stops: Sequence[str]) -> OutputParser:
        """For one choice, ended by the first of `stops`."""
        is_split = self.reasoning is not None and self.reasoning.format != "raw"
        return OutputParser(
            reasoning=ReasoningParser(is_open=self.is_thinking_open) if is_split else None,
            calls=None if self.toolbox is None else self.toolbox.parser(),
            stop_matcher=self._stop_matcher(stops),
        )

    def _stop_matcher(self, stops: Sequence[str]) -> StopMatcher | JsonStopMatcher | None:
        if not stops:
            return None
        return StopMatcher(stops) if self.document_kind is None else JsonStopMatcher(stops)

    def check_call(self, call: ToolCall) -> None:
        """Raises `ToolUseFailedError` unless this is a call of a declared function as declared."""
        assert self.toolbox is not None, "without tools no calls are read"
        self.toolbox.check(call.name, call.arguments)
