"""One sequence: prompt, completion so far, and how many of their tokens are computed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from galop.engine.constraint import TokenConstraint
from galop.engine.drafts import Drafter
from galop.engine.runner import Int32Array
from galop.protocol.requests import GenerationRequest


@dataclass(slots=True, eq=False)
class Sequence:
    """A choice of a request in the engine: num_computed_tokens of its num_tokens are in the KV cache of
    `slot`."""

    request: GenerationRequest
    choice_index: int
    """0 <= choice_index < `request.num_choices`."""
    prompt: Int32Array
    """Token ids, at least one. Shared by the choices of a request; never written to."""
    constraint: TokenConstraint | None
    """None: any token may come."""
    arrival_s: float
    """Seconds on the engine's clock, as are all times here."""
    max_tokens: int
    """Of the completion: the request's budget, or fewer if the context window leaves fewer."""
    completion: list[int] = field(default_factory=list)
    """Token ids, the end token included."""
    num_computed_tokens: int = 0
    """Tokens of prompt and completion that are in the KV cache, from the first on."""
    num_cached_tokens: int = 0
    """Prompt tokens that were found in the cache instead of being computed."""
    slot: int | None = None
    """None before admission and after the end."""
    admission_index: int = -1
    """Place in the order in which the scheduler gave out slots, from 0; -1 while the sequence waits."""
    admitted_s: float = 0.0
    """When it got its slot; 0 before."""
    first_token_s: float = 0.0
    """When its first token was chosen; 0 before."""
    draft: list[int] = field(default_factory=list)
    """Guessed tokens, computed in this step together with the last pending one."""
    drafter: Drafter | None = None
    """None: no drafts. A constraint would refuse them, or the runner is not batch-invariant."""
    was_skipped: bool = False
    """Decoding, but skipped in the previous batch."""
    completion_counts: dict[int, int] = field(default_factory=dict)
    """How often each token came so far; kept only where a penalty needs it."""

    @property
    def request_id(self) -> str:
        return self.request.request_id

    @property
    def num_prompt_tokens(self) -> int:
        return len(self.prompt)

    @property
    def num_completion_tokens(self) -> int:
        return len(self.completion)

    @property
    def num_tokens(self) -> int:
        return len(self.prompt) + len(self.completion)

    @property
    def num_pending_tokens(self) -> int:
        """Tokens that are known but not yet in the KV cache."""
        return self.num_tokens - self.num_computed_tokens

    @property
    def is_prefilling(self) -> bool:
        return self.num_computed_tokens < len(self.prompt)

    def pending_tokens(self, limit: int) -> Int32Array:
        """The next at most `limit` tokens to compute."""
        start = self.num_computed_tokens
        if start < len(self.prompt):
            return self.prompt[start : start + limit]
        start -= len(self.prompt)
        return np.asarray(self.completion[start : start + limit], dtype=np.int32)

    def computed_tokens(self) -> Int32Array:
        """The token ids in the KV cache."""
        generated = self.completion[: max(0, self.num_computed_tokens - len(self.prompt))]
        prompt = self.prompt[: self.num_computed_tokens]
        return np.concatenate([prompt, np.asarray(generated, dtype=np.int32)])

    def append(self, token_ids: list[int]) -> None:
        """Add generated tokens."""
        self.completion.extend(token_ids)
        sampling = self.request.sampling
        if sampling.frequency_penalty or sampling.presence_penalty:
            for token_id in token_ids:
                self.completion_counts[token_id] = self.completion_counts.get(token_id, 0) + 1

    def __repr__(self) -> str:
        return (
            f"<Sequence {self.request_id}/{self.choice_index} slot={self.slot} "
            f"{self.num_computed_tokens}/{self.num_tokens} computed, "
            f"{self.num_completion_tokens}/{self.max_tokens} generated>"
        )
