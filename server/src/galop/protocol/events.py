"""Events that an engine reports of a request: token ids, no text.

These types cross the process border, so they are msgspec Structs made of plain values. Times are seconds,
measured in the engine.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from galop.protocol.literals import FinishReason

FailureKind = Literal["constraint", "budget", "no_document", "internal"]
"""Raised as `ConstraintFailedError`, `BudgetTooSmallError`, `EngineInternalError`."""


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
    """From arrival to admission of the choice that was prefilled first."""
    prompt_time_s: float
    """From its admission to its first token."""
    num_cached_tokens: int
    """Its prompt tokens that were in the prefix cache."""


class Tokens(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Tokens of one choice, in order. Never holds an end token."""

    request_id: str
    choice_index: int
    token_ids: list[int]
    logprobs: list[TokenLogprob] | None = None
    """One per token; None if the request has no `num_logprobs`."""


class Finished(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """One choice ended."""

    request_id: str
    choice_index: int
    finish_reason: FinishReason
    num_completion_tokens: int
    """The end token included, if there was one."""
    completion_time_s: float
    """Since the first token of the choice."""
    is_constraint_satisfied: bool = True
    """False if the budget ended before the document of the constraint was complete. True with finish_reason
    `length` if the constraint completed the document because the budget ended."""


class Failed(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The request ended with an error, all of its choices included."""

    request_id: str
    kind: FailureKind
    detail: str
    """One line."""
    num_tokens_needed: int = 0
    """Of the kind `budget`: tokens of the smallest document."""
    num_tokens: int = 0
    """Of the kind `budget`: tokens that the request allows."""


EngineEvent = Prefilled | Tokens | Finished | Failed


class EngineStats(msgspec.Struct, frozen=True, array_like=True):
    """The state of the engine after a step."""

    num_running: int = 0
    """Sequences that have a slot."""
    num_waiting: int = 0
    """Sequences in the queue."""
    num_running_kv_tokens: int = 0
    """Tokens in the KV cache that belong to running sequences."""
    num_cached_kv_tokens: int = 0
    """Tokens in free slots: the prefix cache."""
    num_draft_tokens: int = 0
    """Draft tokens that were verified since the process started."""
    num_accepted_tokens: int = 0
    """Those of them that were accepted."""
