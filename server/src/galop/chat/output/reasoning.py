"""Models that think before they answer: what of it is asked for, and where it ends in the text.

Such a model is recognised by its chat template, which knows `</think>`. Some templates open the
thinking themselves at the end of the prompt, others leave that to the model, and some can be told not
to let it think at all (the variables `enable_thinking` and `reasoning_effort`). Pure.

Reference: Groq's API reference, `reasoning_format`, `include_reasoning`, `reasoning_effort`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from galop.chat.errors import InvalidParameterError
from galop.chat.output.marker import MarkerSearch, Piece, PieceKind
from galop.chat.request import ChatRequest
from galop.protocol.literals import ReasoningFormat

BEGIN, END = "<think>", "</think>"

_State = Literal["start", "margin", "inside", "gap", "answer"]

_EFFORTS = ("low", "medium", "high")

THINKING_SHARE = 2
"""Thinking before a JSON document or a call may take one in so many tokens of the budget; the rest is
the answer's. Free text has no such bound: it may end anywhere."""


def max_thinking_tokens(max_tokens: int) -> int:
    """Of a budget of `max_tokens`, at least 1."""
    return max(1, max_tokens // THINKING_SHARE)


@dataclass(frozen=True, slots=True)
class ReasoningPlan:
    """What one request asks of the thinking."""

    format: ReasoningFormat
    template_variables: Mapping[str, bool | str]
    """For the chat template."""


class ReasoningModel:
    """What one model can be asked."""

    def __init__(self, source: str | None, variables: frozenset[str]) -> None:
        """`source`, `variables`: the chat template, and the variables it reads."""
        self.can_reason = END in (source or "")
        self._has_switch = "enable_thinking" in variables
        self._has_effort = "reasoning_effort" in variables

    def plan(self, request: ChatRequest) -> ReasoningPlan | None:
        """None for a model that does not reason. Raises `InvalidParameterError`."""
        if not self.can_reason:
            self._refuse_reasoning(request)
            return None
        wanted = request.reasoning_format or "parsed"
        is_constrained = request.response_format != "text" or request.tool_choice != "none"
        if wanted == "raw" and is_constrained:
            raise InvalidParameterError(
                "reasoning_format", "'raw' cannot be used with JSON mode or tools: use 'parsed'"
            )
        if wanted == "hidden" and request.num_logprobs is not None:
            raise InvalidParameterError(
                "logprobs", "would show the reasoning that 'reasoning_format' hides"
            )
        return ReasoningPlan(wanted, self._template_variables(request))

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
        """What asks for no reasoning is met by a model that does none."""
        if request.reasoning_format in ("raw", "parsed"):
            raise InvalidParameterError("reasoning_format", "this model does not reason")
        if request.reasoning_effort not in (None, "none"):
            raise InvalidParameterError("reasoning_effort", "this model does not reason")


def is_opened_by(prompt: str) -> bool | None:
    """Whether a rendered prompt opens the thinking (True), closes it (False) or leaves it to the model."""
    text = prompt.rstrip()
    if text.endswith(BEGIN):
        return True
    return False if text.endswith(END) else None


def opened_thinking(prompt: str) -> str:
    """What to add to a rendered prompt so that thinking is open, or closed, for certain.

    Before a constrained answer it must be known where thinking ends, so it must be known to begin.
    """
    return f"{BEGIN}\n" if is_opened_by(prompt) is None else ""


class ReasoningParser:
    """Splits the text of one choice into reasoning and the answer, without the white space between."""

    def __init__(self, *, is_open: bool | None) -> None:
        """`is_open`: see `is_opened_by`."""
        self._state: _State = "start"
        if is_open is not None:
            self._state = "margin" if is_open else "answer"
        self._search = MarkerSearch(END)
        self._held = ""

    @property
    def is_reasoning(self) -> bool:
        """True while what comes next belongs to the thinking."""
        return self._state in ("margin", "inside")

    @property
    def is_answering(self) -> bool:
        """True once the thinking is over, or is known not to come."""
        return self._state == "answer"

    @property
    def num_held(self) -> int:
        """Characters that were taken and belong to no piece yet."""
        return len(self._held) + len(self._search.held)

    def add(self, text: str) -> list[Piece]:
        """Reasoning and content, as far as they are known."""
        pieces: list[Piece] = []
        rest: str | None = text
        while rest is not None and not self.is_answering:
            rest = self._advance(rest, pieces)
        return [*pieces, Piece("content", rest)] if rest else pieces

    def flush(self) -> list[Piece]:
        """What was held back: nothing follows."""
        kind: PieceKind = "reasoning" if self.is_reasoning else "content"
        text = self._held + self._search.held.rstrip()
        self._held = self._search.held = ""
        is_empty = not text or (self._state in ("margin", "gap") and not text.strip())
        return [] if is_empty else [Piece(kind, text)]

    def _advance(self, text: str, pieces: list[Piece]) -> str | None:
        """What is left after one step; None where more text is needed."""
        if self._state == "inside":
            told, rest = self._search.add(text)
            if told:
                pieces.append(Piece("reasoning", told))
            if rest is None:
                return None
            self._state = "gap"
            return rest.removeprefix(END)
        text, self._held = self._held + text, ""
        stripped = text.lstrip()
        if self._state == "start":
            if stripped.startswith(BEGIN):
                self._state = "margin"
                return stripped.removeprefix(BEGIN)
            if BEGIN.startswith(stripped):
                self._held = text
                return None
            self._state = "answer"
            return text
        if not stripped:  # in the margin of the thinking, or in the gap between it and the answer
            self._held = text
            return None
        self._state = "inside" if self._state == "margin" else "answer"
        return stripped
