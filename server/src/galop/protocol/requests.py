"""What the server asks of an engine: token ids, how to draw, and what the result must be.

These types cross the process border, so they are msgspec Structs made of plain values.
"""

from __future__ import annotations

import msgspec

from galop.protocol.constraints import ConstraintSpec
from galop.protocol.literals import ServiceTier


class SamplingParams(msgspec.Struct, frozen=True, kw_only=True):
    """How to choose a token. Every draw depends on (seed, choice index, position) alone."""

    temperature: float = 1.0
    """0 is greedy: the most likely token, the lowest id where two are equal."""
    top_p: float = 1.0
    seed: int = 0
    """0 <= seed < 2**64."""
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: dict[int, float] = {}
    """Added to the logits of these token ids (all inside the vocabulary)."""
    num_logprobs: int | None = None
    """None: no log probabilities. 0 to 20: the chosen token's, and that many of the most likely."""


class GenerationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One prompt and `num_choices` independent continuations of it."""

    request_id: str
    prompt_token_ids: list[int]
    """At least one, fewer than the context window."""
    max_tokens: int
    """At least 1. The engine also ends a sequence that fills its context window."""
    num_choices: int = 1
    sampling: SamplingParams = SamplingParams()
    constraint: ConstraintSpec | None = None
    key_id: str = ""
    """Whose request it is: the waiting queue is fair between keys."""
    service_tier: ServiceTier = "on_demand"
    """How large a share of the machine it asks for while others wait (see `engine.queue`)."""
