"""Constraints from specs: grammars are compiled once and copied for every choice."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import msgspec
from llguidance import LLMatcher, LLTokenizer
from llguidance.numpy import allocate_token_bitmask

from galop.engine.constraint import TokenConstraint
from galop.grammar.calls import calls_schema, either, json_object_schema
from galop.grammar.compiled_schema import CompiledSchema, compile_schema
from galop.grammar.document import DocumentConstraint, DocumentPlan
from galop.grammar.errors import SchemaError
from galop.grammar.leaf import INFINITE
from galop.grammar.matcher import GrammarConstraint, compiled
from galop.grammar.triggered import FreeText, TriggeredConstraint
from galop.grammar.vocabulary import Vocabulary
from galop.protocol.constraints import ConstraintSpec
from galop.protocol.errors import BudgetTooSmallError, ConstraintFailedError

_NOTHING = ConstraintSpec()


class _Compiled(NamedTuple):
    """A grammar, and how its documents end."""

    matcher: LLMatcher
    plan: DocumentPlan
    lenient_plan: DocumentPlan | None
    """For where no valid document is found, and the caller takes what comes."""


class GrammarFactory:
    """Implements `engine.constraint.ConstraintFactory` for one model."""

    def __init__(self, tokenizer: LLTokenizer) -> None:
        self._tokenizer = tokenizer
        self._bitmask = allocate_token_bitmask(1, tokenizer.vocab_size)
        self._compiled = lru_cache(maxsize=256)(self._compile)
        self._vocabulary = Vocabulary(tokenizer)

    def prepare(self, spec: ConstraintSpec) -> None:
        """See `ConstraintFactory.prepare`."""
        spec = msgspec.structs.replace(spec, thinking=None)
        if spec != _NOTHING:
            self._compiled(spec)

    def __call__(self, spec: ConstraintSpec, *, max_tokens: int) -> TokenConstraint:
        """An answer of at most `max_tokens`.

        Raises `BudgetTooSmallError` where not even the smallest one fits, and
        `ConstraintFailedError` where there is none.
        """
        thinking = spec.thinking
        if thinking is None:
            return self._answer(spec, max_tokens)
        answer = msgspec.structs.replace(spec, thinking=None)
        smallest = self._smallest(answer)
        marker = self._vocabulary.marked(thinking.end)
        num_needed = smallest + len(self._vocabulary.segment(marker))
        if num_needed > max_tokens:
            raise BudgetTooSmallError(num_tokens_needed=num_needed, num_tokens=max_tokens)
        return TriggeredConstraint(
            self._vocabulary,
            marker,
            lambda num_left: self._answer(answer, num_left),
            budget_tokens=max_tokens,
            smallest_rest=smallest,
            may_end=False,
            max_tokens=thinking.max_tokens,
        )

    def _answer(self, spec: ConstraintSpec, max_tokens: int) -> TokenConstraint:
        if spec == _NOTHING:
            return FreeText(self._vocabulary)
        calls = spec.tool_calls
        if calls is None or not _may_be_text(spec):
            return self._document(spec, max_tokens)
        return TriggeredConstraint(
            self._vocabulary,
            self._vocabulary.marked(calls.syntax.trigger),
            lambda num_left: self._document(spec, num_left),
            budget_tokens=max_tokens,
            smallest_rest=self._smallest_document(spec),
            may_end=True,
        )

    def _smallest(self, spec: ConstraintSpec) -> int:
        """How many tokens the smallest answer takes."""
        if spec == _NOTHING or _may_be_text(spec):
            return 1
        return self._smallest_document(spec)

    def _smallest_document(self, spec: ConstraintSpec) -> int:
        self._document(spec, INFINITE)
        plan = self._compiled(spec).plan
        assert plan.smallest is not None, "the first document looked for it"
        return len(plan.smallest)

    def _document(self, spec: ConstraintSpec, max_tokens: int) -> DocumentConstraint:
        compiled = self._compiled(spec)
        grammar = self._grammar(compiled.matcher)
        try:
            return DocumentConstraint(grammar, compiled.plan, max_tokens)
        except BudgetTooSmallError:
            raise
        except ConstraintFailedError:
            if compiled.lenient_plan is None:
                raise
            return DocumentConstraint(grammar, compiled.lenient_plan, max_tokens)

    def _grammar(self, matcher: LLMatcher) -> GrammarConstraint:
        copy = matcher.deep_copy()
        return GrammarConstraint(copy, self._tokenizer.vocab_size, self._bitmask)

    def _compile(self, spec: ConstraintSpec) -> _Compiled:
        try:
            schema = self._compiled_schema(spec)
        except SchemaError as error:
            raise ConstraintFailedError(str(error)) from error
        plan = DocumentPlan(schema, self._vocabulary)
        lenient_plan = None
        if plan.check is not None and not spec.is_strict:
            lenient_plan = DocumentPlan(schema, self._vocabulary, is_checked=False)
        return _Compiled(self._matcher(schema.lark), plan, lenient_plan)

    def _compiled_schema(self, spec: ConstraintSpec) -> CompiledSchema:
        document = None
        if spec.schema is not None:
            document = compile_schema(spec.schema)
        elif spec.json_object:
            document = json_object_schema()
        if spec.tool_calls is None:
            assert document is not None, "other specs are not compiled"
            return document
        calls = calls_schema(
            spec.tool_calls, self._vocabulary.marked, is_triggered=_may_be_text(spec)
        )
        if document is None or spec.tool_calls.is_required:
            return calls
        return either(document, calls)

    def _matcher(self, lark: str) -> LLMatcher:
        matcher = compiled(self._tokenizer, lark)
        if matcher.is_error():
            raise ConstraintFailedError(matcher.get_error())
        return matcher


def _may_be_text(spec: ConstraintSpec) -> bool:
    """True where the model may write free text instead of calls."""
    calls = spec.tool_calls
    is_document = spec.schema is not None or spec.json_object
    return calls is not None and not calls.is_required and not is_document
