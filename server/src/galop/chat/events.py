"""What a completion yields, in order: Started, then per choice what it says and ChoiceFinished, then Usage.

What a choice says: ReasoningDelta, Delta, and ToolCall for every call, each whole.

The streamed answer is these events as chunks; the answer in one piece is these events, folded.
"""

from __future__ import annotations

from dataclasses import dataclass

from galop.protocol.literals import FinishReason


@dataclass(frozen=True, slots=True)
class TopLogprob:
    """A likely token: its text (invalid UTF-8 replaced), its bytes, its natural log probability."""

    token: str
    token_bytes: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A generated token; see `protocol.events.TokenLogprob` for which distribution is meant."""

    token: str
    token_bytes: bytes
    logprob: float
    top_logprobs: tuple[TopLogprob, ...]
    constrained_logprob: float | None


@dataclass(frozen=True, slots=True)
class Started:
    """The prompt is prefilled and the first token exists: nothing can be refused any more."""

    queue_time_s: float = 0.0
    prompt_time_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Delta:
    """More text of one choice (never empty unless it only carries logprobs)."""

    choice_index: int
    text: str
    logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of what one choice thinks before it answers."""

    choice_index: int
    text: str
    logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One choice calls a function. Calls of a choice are numbered by their order."""

    choice_index: int
    name: str
    arguments: str
    """A JSON object, as text."""
    logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True, slots=True)
class ChoiceFinished:
    """One choice is over."""

    choice_index: int
    finish_reason: FinishReason
    is_json_completed: bool = False
    """The budget ended, and the JSON document, or the call, was closed in time: whole, but cut short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Counts in tokens, times in seconds. Always the last event."""

    queue_time_s: float
    prompt_tokens: int
    prompt_time_s: float
    completion_tokens: int
    completion_time_s: float
    cached_tokens: int
    reasoning_tokens: int = 0
    """How many of the completion tokens are reasoning."""


Said = Delta | ReasoningDelta | ToolCall
CompletionEvent = Started | Said | ChoiceFinished | Usage
