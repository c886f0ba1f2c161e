"""Reasoning: the options of a request, the state at the end of the prompt, the parser.

A model reasons if its chat template contains `</think>`. Some templates write `<think>` at the end of the
prompt, others leave that to the model. Some read variables that control it: `enable_thinking` and
`reasoning_effort`.

Reference: Groq's API reference, `reasoning_format`, `include_reasoning`, `reasoning_effort`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from galop.chat.errors import InvalidParameterError
from galop.chat.output.segments import MarkerSearch, Segment, SegmentKind
from galop.chat.request import ChatRequest
from galop.protocol.literals import ReasoningFormat

BEGIN, END = "<think>", "</think>"

_State = Literal["start", "before", "inside", "after", "answer"]
"""`before`, `after`: in the white space between a tag and the reasoning or the answer."""

_EFFORTS = ("low", "medium", "high")

THINKING_SHARE = 2
"""Before a JSON document or a call, reasoning may take one in so many tokens of the budget. Before free
text, which may end anywhere, it has no bound of its own."""


def max_thinking_tokens(max_tokens: int) -> int:
    """The bound on reasoning for a budget of `max_tokens`; at least 1."""
    return max(1, max_tokens // THINKING_SHARE)


@dataclass(frozen=True, slots=True)
class ReasoningPlan:
    """How one request's reasoning is generated and shown."""

    format: ReasoningFormat
    template_variables: Mapping[str, bool | str]
    """Variables of the chat template."""


class ReasoningModel:
    """The reasoning options of one model."""

    def __init__(self, source: str | None, variables: frozenset[str]) -> None:
        """`source`, `variables`: the chat template and the variables that it reads."""
        self.can_reason = END in (source or "")
        self._has_switch = "enable_thinking" in variables
        self._has_effort = "reasoning_effort" in variables

    def plan(self, request: ChatRequest) -> ReasoningPlan | None:
        """None for a model that does not reason. Raises `InvalidParameterError`."""
        if not self.can_reason:
            self._refuse_reasoning(request)
            return None
        reasoning_format = request.reasoning_format or "parsed"
        is_constrained = request.response_format != "text" or request.tool_choice != "none"
        if reasoning_format == "raw" and is_constrained:
            raise InvalidParameterError(
                "reasoning_format", "'raw' cannot be used with JSON mode or tools: use 'parsed'"
            )
        if reasoning_format == "hidden" and request.num_logprobs is not None:
            raise InvalidParameterError(
                "logprobs", "would show the reasoning that 'reasoning_format' hides"
            )
        return ReasoningPlan(reasoning_format, self._template_variables(request))

    def _template_variables(self, request: ChatRequest) -> dict[str, bool | str]:
        effort = request.reasoning_effort
        if effort is None or effort == "default":
            return {}
        if effort == "none" and self._has_switch:
            return {"enable_thinking": False}
        if effort in _EFFORTS and self._has_effort:
            return {"reasoning_effort": effort}
        allowed = ["none"] * self._has_switch + ["default"] + [*_EFFORTS] * self._has_effort
        raise InvalidParameterError(
            "reasoning_effort", f"value is not one of the values this model takes {allowed}"
        )

    def _refuse_reasoning(self, request: ChatRequest) -> None:
        """Raises `InvalidParameterError` unless the request's options allow an answer without reasoning."""
        if request.reasoning_format in ("raw", "parsed"):
            raise InvalidParameterError("reasoning_format", "this model does not reason")
        if request.reasoning_effort not in (None, "none"):
            raise InvalidParameterError("reasoning_effort", "this model does not reason")


def is_thinking_open(prompt: str) -> bool | None:
    """True if the rendered prompt ends with `<think>`, False if with `</think>`, else None."""
    text = prompt.rstrip()
    if text.endswith(BEGIN):
        return True
    return False if text.endswith(END) else None


def missing_think_tag(prompt: str) -> str:
    """`<think>` and a newline if the rendered prompt leaves it to the model to reason, else nothing.

    A constraint takes effect after the reasoning, so it must be known whether there is any.
    """
    return f"{BEGIN}\n" if is_thinking_open(prompt) is None else ""


class ReasoningParser:
    """Splits the text of one choice into reasoning and content. Drops the white space between them."""

    def __init__(self, *, is_open: bool | None) -> None:
        """`is_open`: `is_thinking_open` of the prompt."""
        self._state: _State = "start"
        if is_open is not None:
            self._state = "before" if is_open else "answer"
        self._search = MarkerSearch(END)
        self._held = ""

    @property
    def is_reasoning(self) -> bool:
        """True while the next text belongs to the reasoning."""
        return self._state in ("before", "inside")

    @property
    def is_answering(self) -> bool:
        """True once the reasoning has ended, or there is none."""
        return self._state == "answer"

    @property
    def num_held(self) -> int:
        """Characters that are held back."""
        return len(self._held) + len(self._search.held)

    def add(self, text: str) -> list[Segment]:
        """The segments that are certain now."""
        segments: list[Segment] = []
        rest: str | None = text
        while rest is not None and not self.is_answering:
            rest = self._advance(rest, segments)
        return [*segments, Segment("content", rest)] if rest else segments

    def flush(self) -> list[Segment]:
        """The segments that were held back, at the end of the text."""
        kind: SegmentKind = "reasoning" if self.is_reasoning else "content"
        text = self._held + self._search.held.rstrip()
        self._held = self._search.held = ""
        is_empty = not text or (self._state in ("before", "after") and not text.strip())
        return [] if is_empty else [Segment(kind, text)]

    def _advance(self, text: str, segments: list[Segment]) -> str | None:
        """Go on to the next state; returns the remaining text, or None if the state needs more."""
        if self._state == "inside":
            before, rest = self._search.add(text)
            if before:
                segments.append(Segment("reasoning", before))
            if rest is None:
                return None
            self._state = "after"
            return rest.removeprefix(END)
        text, self._held = self._held + text, ""
        stripped = text.lstrip()
        if self._state == "start":
            if stripped.startswith(BEGIN):
                self._state = "before"
                return stripped.removeprefix(BEGIN)
            if BEGIN.startswith(stripped):
                self._held = text
                return None
            self._state = "answer"
            return text
        if not stripped:  # white space before or after the reasoning
            self._held = text
            return None
        self._state = "inside" if self._state == "before" else "answer"
        return stripped
