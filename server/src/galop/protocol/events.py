"""What an engine reports of a request: token ids, never text.

These types cross the process border, so they are msgspec Structs made of plain values. Times are seconds,
measured in the engine.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from galop.protocol.literals import FinishReason

FailureKind = Literal["constraint", "budget", "internal"]


class TokenLogprob(msgspec.Struct, frozen=True, array_like=True):
    """Log probabilities of one generated token, natural logarithm.

    `logprob` and `top` come from the model's own distribution: the softmax of its logits before
    constraint, bias, penalties, temperature and top_p. `constrained_logprob` is the same token in
    that distribution restricted to what the constraint allowed and normalised again (0.0 where
    only one token was possible); None where the request has no constraint.
    """

    token_id: int
    logprob: float
    top: list[tuple[int, float]]
    constrained_logprob: float | None = None


class Prefilled(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The prompt is in the KV cache. Comes once per request, before its first tokens."""

    request_id: str
    queue_time_s: float
    prompt_time_s: float
    num_cached_tokens: int


class Tokens(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Tokens of one choice, in order. Never holds an end token."""

    request_id: str
    choice_index: int
    token_ids: list[int]
    logprobs: list[TokenLogprob] | None = None


class Finished(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """One choice ended. `num_completion_tokens` counts the end token where there was one."""

    request_id: str
    choice_index: int
    finish_reason: FinishReason
    num_completion_tokens: int
    completion_time_s: float
    is_constraint_satisfied: bool = True
    """False where the budget ended before the constraint's document did. True together with
    finish_reason `length` where the constraint closed the document because the budget ended."""


class Failed(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The whole request ended without an answer."""

    request_id: str
    kind: FailureKind
    detail: str
    num_tokens_needed: int = 0
    """Of the kind `budget`: the smallest `max_tokens` that would do."""
    num_tokens: int = 0
    """Of the kind `budget`: those that there are."""


EngineEvent = Prefilled | Tokens | Finished | Failed


class EngineStats(msgspec.Struct, frozen=True, array_like=True):
    """The engine after a step. The last two only grow, from 0 at the start of the process."""

    num_running: int = 0
    num_waiting: int = 0
    num_running_kv_tokens: int = 0
    """Tokens in the KV cache that belong to running sequences."""
    num_cached_kv_tokens: int = 0
    """Tokens that free slots keep for prompts that begin like them."""
    num_draft_tokens: int = 0
    num_accepted_tokens: int = 0
