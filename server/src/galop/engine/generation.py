"""What goes into the engine and what comes out: token ids, never text.

These types cross the process border (`worker`), so they are msgspec Structs made of plain values.
Times are seconds measured where they happen: in the engine.
"""

from __future__ import annotations

from typing import Literal

import msgspec

FinishReason = Literal["stop", "length"]
FailureKind = Literal["constraint", "budget", "internal"]
ServiceTier = Literal["performance", "on_demand", "flex"]


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


class ToolSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A function that the model may call."""

    name: str
    parameters: str
    """The JSON Schema of its arguments, as JSON text."""


class CallSyntax(msgspec.Struct, frozen=True, kw_only=True):
    """How a model family writes calls: `before`, calls with `separator` between them, `after`.

    One call is `begin`, the name, `before_arguments`, the arguments as JSON, `end`.
    """

    begin: str
    before_arguments: str
    end: str
    before: str = ""
    separator: str = ""
    after: str = ""
    trigger: str
    """With this text the model announces a call; `before` + `begin` starts with it."""
    trigger_token_id: int | None = None
    """Where the trigger is a single control token of the vocabulary: that token."""


class ToolCalls(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of declared functions."""

    tools: tuple[ToolSpec, ...]
    syntax: CallSyntax
    is_required: bool
    """False: the model may write text instead, until it writes the trigger."""
    max_calls: int


class Thinking(msgspec.Struct, frozen=True, kw_only=True):
    """Free text that comes before what the constraint is about."""

    end: str
    """The text that ends it, such as `</think>`."""
    end_token_id: int | None = None
    """Where that text is a single control token of the vocabulary: that token."""
    max_tokens: int
    """After so many tokens the end is forced, so that the answer fits."""


class ConstraintSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Names a constraint; the engine hands it to the factory it was built with.

    At most one of `json_object`, `schema` is set; beside `tool_calls` it takes the place of free text.
    """

    json_object: bool = False
    """One JSON object, whatever it holds."""
    schema: str | None = None
    """One JSON document of this JSON Schema, given as JSON text."""
    is_strict: bool = True
    """False: keywords of the schema that no grammar carries are left to the caller's check."""
    tool_calls: ToolCalls | None = None
    thinking: Thinking | None = None


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
