"""Requests to an engine: prompt token ids, sampling parameters, constraint.

These types cross the process border, so they are msgspec Structs made of plain values.
"""

from __future__ import annotations

import msgspec

from galop.protocol.constraints import ConstraintSpec
from galop.protocol.literals import ServiceTier


class SamplingParams(msgspec.Struct, frozen=True, kw_only=True):
    """How tokens are chosen (see `engine.sampler`)."""

    temperature: float = 1.0
    """0 is greedy: the most likely token, the lowest id where two are equal."""
    top_p: float = 1.0
    """Share of probability, 0 to 1, of the most likely tokens to draw from."""
    seed: int = 0
    """0 <= seed < 2**64. A random number depends on seed, choice index and position alone."""
    frequency_penalty: float = 0.0
    """Subtracted from a token's logit for each time that it occurs in the completion."""
    presence_penalty: float = 0.0
    """Subtracted from a token's logit if it occurs in the completion."""
    logit_bias: dict[int, float] = {}
    """Added to the logits of these token ids (all inside the vocabulary)."""
    num_logprobs: int | None = None
    """None: no log probabilities. 0 to 20: that of the chosen token, and of so many most likely ones."""


class GenerationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One prompt and `num_choices` independent continuations of it."""

    request_id: str
    """Unique among the requests in flight."""
    prompt_token_ids: list[int]
    """At least one, fewer than the context window."""
    max_tokens: int
    """Of a choice, at least 1. A sequence also ends when it fills the context window."""
    num_choices: int = 1
    """At least 1."""
    sampling: SamplingParams = SamplingParams()
    constraint: ConstraintSpec | None = None
    key_id: str = ""
    """The API key that the request belongs to. The waiting queue is fair between keys."""
    service_tier: ServiceTier = "on_demand"
    """The share of the machine that it gets while others wait (see `engine.queue`)."""
