"""Documents as text, without a model: for the server, which sees text and not tokens."""

from __future__ import annotations

from functools import cache, cached_property, lru_cache

from llguidance import LLMatcher
from llguidance.numpy import allocate_token_bitmask

from galop.grammar.compiled_schema import CompiledSchema, compile_schema
from galop.grammar.document import DocumentConstraint, DocumentPlan
from galop.grammar.errors import SchemaError
from galop.grammar.leaf import INFINITE
from galop.grammar.lexemes import byte_tokenizer
from galop.grammar.matcher import GrammarConstraint, compiled
from galop.grammar.validation import SCHEMA_CACHE_SIZE
from galop.grammar.vocabulary import Vocabulary
from galop.protocol.errors import ConstraintFailedError


class DocumentText:
    """Documents of one schema."""

    def __init__(self, schema: CompiledSchema) -> None:
        self.schema = schema
        # Not a cached_property: Python 3.11 would hold one lock for all schemas meanwhile.
        self._is_satisfiable: bool | None = None
        """None: not checked yet."""

    def check(self, *, is_strict: bool = True) -> None:
        """Raises `SchemaError` where no grammar can be made; if strict, also where no document can."""
        if self._matcher.is_error():
            reason = self._matcher.get_error().splitlines()[0]
            raise SchemaError("", f"makes no grammar: {reason}")
        if not is_strict:
            return
        if self._is_satisfiable is None:
            self._is_satisfiable = self.schema.is_exact or self.ending("") is not None
        if not self._is_satisfiable:
            raise SchemaError("", "asks for what no document was found to satisfy")

    def ending(self, beginning: str) -> str | None:
        """The shortest text that makes a beginning which the grammar allows whole and valid.

        None if none was found.
        """
        vocabulary = _byte_vocabulary()
        bitmask = allocate_token_bitmask(1, vocabulary.size)
        grammar = GrammarConstraint(self._matcher.deep_copy(), vocabulary.size, bitmask)
        try:
            document = DocumentConstraint(grammar, self._plan, INFINITE)
            document.resume(beginning.encode())
        except ConstraintFailedError:
            return None
        found = document.ending()
        return None if found is None else found.decode()

    @cached_property
    def _matcher(self) -> LLMatcher:
        return compiled(byte_tokenizer(), self.schema.lark)

    @cached_property
    def _plan(self) -> DocumentPlan:
        return DocumentPlan(self.schema, _byte_vocabulary())


@lru_cache(maxsize=SCHEMA_CACHE_SIZE)
def document_text(schema: str) -> DocumentText:
    """For a JSON Schema given as JSON text, compiled once per process. Raises `SchemaError`."""
    return DocumentText(compile_schema(schema))


@cache
def _byte_vocabulary() -> Vocabulary:
    return Vocabulary(byte_tokenizer())
