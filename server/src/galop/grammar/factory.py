"""Constraints by name: grammars are compiled once and copied for every choice."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from llguidance import LLMatcher, LLTokenizer
from llguidance.numpy import allocate_token_bitmask

from galop.engine.constraint import TokenConstraint
from galop.engine.errors import BudgetTooSmallError, ConstraintFailedError
from galop.engine.generation import ConstraintSpec
from galop.grammar.closing import BudgetedConstraint, Costs
from galop.grammar.document import DocumentConstraint, DocumentPlan
from galop.grammar.errors import SchemaError
from galop.grammar.json_object import MAX_INDENT, json_object_grammar
from galop.grammar.json_text import START
from galop.grammar.matcher import GrammarConstraint
from galop.grammar.shape import schema_shape
from galop.grammar.vocabulary import Vocabulary

_JSON_OBJECT = ConstraintSpec(json_object=True)


class _Compiled(NamedTuple):
    matcher: LLMatcher
    plan: DocumentPlan | None
    """None for JSON mode, which knows its endings without one."""
    lenient_plan: DocumentPlan | None = None
    """For where no valid document is found, and the caller takes what comes."""


class GrammarFactory:
    """Implements `engine.ConstraintFactory` for one model."""

    def __init__(self, tokenizer: LLTokenizer) -> None:
        self._tokenizer = tokenizer
        self._bitmask = allocate_token_bitmask(1, tokenizer.vocab_size)
        self._compiled = lru_cache(maxsize=256)(self._compile)
        self._vocabulary = Vocabulary(tokenizer)
        self._costs = Costs(self._vocabulary, max_indent=MAX_INDENT)

    def prepare(self, spec: ConstraintSpec) -> None:
        """See `ConstraintFactory.prepare`."""
        self._compiled(spec)

    def __call__(self, spec: ConstraintSpec, *, max_tokens: int) -> TokenConstraint:
        """A document of at most `max_tokens`.

        Raises `BudgetTooSmallError` where not even the smallest one fits, and
        `ConstraintFailedError` where there is none.
        """
        compiled = self._compiled(spec)
        matcher = compiled.matcher.deep_copy()
        grammar = GrammarConstraint(matcher, self._tokenizer.vocab_size, self._bitmask)
        if compiled.plan is not None:
            try:
                return DocumentConstraint(grammar, compiled.plan, max_tokens)
            except BudgetTooSmallError:
                raise
            except ConstraintFailedError:
                if compiled.lenient_plan is None:
                    raise
                return DocumentConstraint(grammar, compiled.lenient_plan, max_tokens)
        smallest = self._costs.bound(START)
        if smallest > max_tokens:
            raise BudgetTooSmallError(num_tokens_needed=smallest, num_tokens=max_tokens)
        return BudgetedConstraint(grammar, self._costs, max_tokens)

    def _compile(self, spec: ConstraintSpec) -> _Compiled:
        if spec == _JSON_OBJECT:
            return _Compiled(self._matcher(json_object_grammar()), None)
        if spec.schema is None:
            raise ConstraintFailedError(f"no such constraint: {spec}")
        try:
            shape = schema_shape(spec.schema)
        except SchemaError as error:
            raise ConstraintFailedError(str(error)) from error
        plan = DocumentPlan(shape, self._vocabulary)
        lenient_plan = None
        if plan.check is not None and not spec.is_strict:
            lenient_plan = DocumentPlan(shape, self._vocabulary, is_checked=False)
        return _Compiled(self._matcher(shape.lark), plan, lenient_plan)

    def _matcher(self, lark: str) -> LLMatcher:
        matcher = LLMatcher(self._tokenizer, LLMatcher.grammar_from_lark(lark), log_level=0)
        if matcher.is_error():
            raise ConstraintFailedError(matcher.get_error())
        return matcher
