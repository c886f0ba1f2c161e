"""Constraints by name: grammars are compiled once and copied for every choice."""

from __future__ import annotations

from functools import lru_cache

from llguidance import LLMatcher, LLTokenizer
from llguidance.numpy import allocate_token_bitmask

from galop.engine.errors import ConstraintFailedError
from galop.engine.generation import ConstraintSpec
from galop.grammar.closing import BudgetedConstraint, Costs
from galop.grammar.json_object import MAX_INDENT, json_object_grammar
from galop.grammar.matcher import GrammarConstraint
from galop.grammar.vocabulary import Vocabulary


class GrammarFactory:
    """Implements `engine.ConstraintFactory` for one model."""

    def __init__(self, tokenizer: LLTokenizer) -> None:
        self._tokenizer = tokenizer
        self._bitmask = allocate_token_bitmask(1, tokenizer.vocab_size)
        self._compiled = lru_cache(maxsize=256)(self._compile)
        self._costs = Costs(Vocabulary(tokenizer), max_indent=MAX_INDENT)

    def __call__(self, spec: ConstraintSpec, *, max_tokens: int) -> BudgetedConstraint:
        """A document of at most `max_tokens`. Raises `ConstraintFailedError`."""
        matcher = self._compiled(spec).deep_copy()
        grammar = GrammarConstraint(matcher, self._tokenizer.vocab_size, self._bitmask)
        return BudgetedConstraint(grammar, self._costs, max_tokens)

    def _compile(self, spec: ConstraintSpec) -> LLMatcher:
        if spec != ConstraintSpec(json_object=True):
            raise ConstraintFailedError(f"no such constraint: {spec}")
        matcher = LLMatcher(self._tokenizer, LLMatcher.grammar_from_lark(json_object_grammar()))
        if matcher.is_error():
            raise ConstraintFailedError(matcher.get_error())
        return matcher
