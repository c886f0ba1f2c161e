"""The events of a completion, in order: Started; per choice its deltas, then ChoiceFinished; Usage.

Choices are interleaved. A delta is a ContentDelta, a ReasoningDelta or a whole ToolCall. A streamed
response sends these events as chunks; a response without streaming is the same events, folded.
"""

from __future__ import annotations

from dataclasses import dataclass

from galop.protocol.literals import FinishReason


@dataclass(frozen=True, slots=True)
class TopLogprob:
    """A token among the most likely ones, with its natural log probability."""

    token: str
    """Its text, with U+FFFD for invalid UTF-8."""
    token_bytes: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A generated token with its text. For the distributions see `protocol.events.TokenLogprob`."""

    token: str
    token_bytes: bytes
    logprob: float
    top_logprobs: tuple[TopLogprob, ...]
    constrained_logprob: float | None


@dataclass(frozen=True, slots=True)
class Started:
    """The prefill has ended and the first token exists: the request can no longer be refused."""

    queue_time_s: float = 0.0
    prompt_time_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ContentDelta:
    """Content of one choice. `text` is empty only if the event carries log probabilities."""

    choice_index: int
    text: str
    logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """Reasoning of one choice."""

    choice_index: int
    text: str
    logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A whole call of a function by one choice."""

    choice_index: int
    name: str
    arguments: str
    """A JSON object, as JSON text."""
    logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True, slots=True)
class ChoiceFinished:
    """One choice has ended."""

    choice_index: int
    finish_reason: FinishReason
    is_json_completed: bool = False
    """True: the budget ended, and the JSON document or the call was closed within it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts of all choices together. Times are the request's, in seconds."""

    queue_time_s: float
    prompt_tokens: int
    prompt_time_s: float
    completion_tokens: int
    completion_time_s: float
    cached_tokens: int
    reasoning_tokens: int = 0
    """Included in `completion_tokens`."""


ChoiceDelta = ContentDelta | ReasoningDelta | ToolCall
CompletionEvent = Started | ChoiceDelta | ChoiceFinished | Usage
