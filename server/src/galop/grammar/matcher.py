"""A compiled grammar and where in it a sequence is: `engine.TokenConstraint` on llguidance."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from llguidance import LLMatcher, LLTokenizer
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

from galop.engine.errors import ConstraintFailedError
from galop.engine.generation import ConstraintSpec
from galop.grammar.json_object import json_object_grammar


class GrammarConstraint:
    """One sequence's state. llguidance never raises: its error state is checked and raised here."""

    def __init__(self, matcher: LLMatcher, vocab_size: int, bitmask: npt.NDArray[np.int32]) -> None:
        self._matcher = matcher
        self._vocab_size = vocab_size
        self._bitmask = bitmask  # shared: the engine uses one constraint at a time

    @property
    def is_complete(self) -> bool:
        """True when the grammar allows nothing more."""
        return bool(self._matcher.is_stopped())

    @property
    def can_end(self) -> bool:
        """True when the text so far is a whole document."""
        return bool(self._matcher.is_accepting())

    def try_accept(self, token_id: int) -> bool:
        """See `TokenConstraint.try_accept`."""
        accepted = self._matcher.try_consume_tokens([token_id]) == 1
        self._check()
        return accepted

    def allowed_mask(self) -> npt.NDArray[np.bool_]:
        """See `TokenConstraint.allowed_mask`."""
        fill_next_token_bitmask(self._matcher, self._bitmask)
        self._check()
        bits = np.unpackbits(self._bitmask[0].view(np.uint8), bitorder="little")
        return bits[: self._vocab_size].view(np.bool_)

    def forced_tokens(self) -> list[int]:
        """See `TokenConstraint.forced_tokens`."""
        forced: list[int] = self._matcher.compute_ff_tokens()
        if forced and not self._matcher.consume_tokens(forced):
            raise ConstraintFailedError("forced tokens were refused")
        self._check()
        return forced

    def _check(self) -> None:
        if self._matcher.is_error():
            raise ConstraintFailedError(self._matcher.get_error())


class GrammarFactory:
    """`engine.ConstraintFactory`: compiles a grammar once, copies it for every choice."""

    def __init__(self, tokenizer: LLTokenizer) -> None:
        self._tokenizer = tokenizer
        self._bitmask = allocate_token_bitmask(1, tokenizer.vocab_size)
        self._compiled = lru_cache(maxsize=256)(self._compile)

    def __call__(self, spec: ConstraintSpec, *, max_tokens: int) -> GrammarConstraint:
        """Raises `ConstraintFailedError` if the grammar does not compile."""
        matcher = self._compiled(spec).deep_copy()
        return GrammarConstraint(matcher, self._tokenizer.vocab_size, self._bitmask)

    def _compile(self, spec: ConstraintSpec) -> LLMatcher:
        assert spec.kind == "json_object"
        matcher = LLMatcher(self._tokenizer, LLMatcher.grammar_from_lark(json_object_grammar()))
        if matcher.is_error():
            raise ConstraintFailedError(matcher.get_error())
        return matcher
