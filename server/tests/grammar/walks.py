"""Random schemas, and random beginnings of their documents, as llguidance allows them."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from hypothesis import reject
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

from galop.grammar.compiled_schema import compile_schema
from galop.grammar.costs import Costs
from galop.grammar.errors import SchemaError
from galop.grammar.matcher import compiled
from galop.grammar.parser_state import ParserState
from galop.grammar.tokenizer import byte_vocabulary
from galop.testing import ScriptedTokenizer

_PREFERRED = b'"}],:\\' + b"\n {[0u9-.etfnabcx"
"""Bytes that are more likely than others, so that strings end and containers close."""

_scalars: st.SearchStrategy[Any] = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "minLength": 2},
        {"type": "string", "pattern": "^a[0-9]{1,3}b$"},
        {"type": "string", "format": "date"},
        {"type": "integer"},
        {"type": "number"},
        {"type": "integer", "minimum": 3, "maximum": 4000},
        {"type": "boolean"},
        {"enum": ["red", "read", 7, None]},
        {"const": "x"},
    ]
)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from(["a", "ab", "abc", "b", "é", 'q"'])
    properties = st.dictionaries(names, inner, max_size=4)
    objects = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": properties},
        optional={
            "required": st.lists(names, max_size=3, unique=True),
            "additionalProperties": st.one_of(st.booleans(), inner),
            "maxProperties": st.integers(3, 5),
        },
    )
    arrays = st.fixed_dictionaries(
        {"type": st.just("array"), "items": inner},
        optional={"minItems": st.integers(0, 2), "maxItems": st.integers(2, 4)},
    )
    return st.one_of(
        objects, arrays, st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)})
    )


schemas: st.SearchStrategy[Any] = _containers(st.recursive(_scalars, _containers, max_leaves=5))
"""JSON Schemas of objects and arrays that finite documents satisfy, but for those that require what they exclude."""


def _random_bytes(seed: int) -> bytes:
    source = random.Random(seed)
    return source.randbytes(source.randrange(80))


choices: st.SearchStrategy[bytes] = st.integers(0, 2**32).map(_random_bytes)
"""For `walk`. Bytes that Hypothesis draws itself are few, and mostly zeros."""


@cache
def tokenizer() -> LLTokenizer:
    """One token per byte, with the byte as its id."""
    return byte_vocabulary(ScriptedTokenizer())


class Walk(NamedTuple):
    """The beginning of a document."""

    text: bytes
    start: ParserState
    """Before the text; costs are bytes."""
    matcher: LLMatcher
    """After the text."""


def walk(schema: Any, choices: bytes) -> Walk:
    """A beginning of as many bytes as there are choices, or of a whole document if that is shorter.

    Choices are indices into the allowed bytes. A name that its object has already is not chosen.
    Examples whose schema no finite document satisfies are skipped.
    """
    try:
        grammar = compile_schema(json.dumps(schema))
    except SchemaError:
        reject()
    start = state = ParserState.start(Costs(grammar.rules, len))
    matcher = compiled(tokenizer(), grammar.lark)
    assert not matcher.is_error(), matcher.get_error()
    text = b""
    for choice in choices:
        allowed = [byte for byte in _allowed(matcher) if not state.advance(bytes([byte])).is_dead]
        if not allowed:
            break
        byte = allowed[choice % len(allowed)]
        matcher.try_consume_tokens([byte])
        state = state.advance(bytes([byte]))
        text += bytes([byte])
    return Walk(text, start, matcher)


def _allowed(matcher: LLMatcher) -> list[int]:
    if matcher.is_stopped():
        return []
    bitmask = allocate_token_bitmask(1, tokenizer().vocab_size)
    fill_next_token_bitmask(matcher, bitmask)
    bits: npt.NDArray[np.uint8] = np.unpackbits(bitmask[0].view(np.uint8), bitorder="little")
    found = set(np.flatnonzero(bits[:256]).tolist())
    preferred = [byte for byte in _PREFERRED if byte in found]
    return preferred * 3 + sorted(found.difference(_PREFERRED))
