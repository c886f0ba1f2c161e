"""Strings and numbers with a pattern, a format or bounds, compiled by llguidance.

They are compiled with a vocabulary of bytes: which texts a grammar allows does not depend on tokens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from llguidance import LLMatcher, LLTokenizer

from galop.grammar.examples import example_of
from galop.grammar.matcher import compiled
from galop.grammar.search import shortest_ending

FORMATS = frozenset(
    [
        "date-time",
        "time",
        "date",
        "duration",
        "email",
        "idn-email",
        "hostname",
        "idn-hostname",
        "ipv4",
        "ipv6",
        "uri",
        "uri-reference",
        "iri",
        "iri-reference",
        "uuid",
        "uri-template",
        "json-pointer",
        "relative-json-pointer",
        "regex",
    ]
)
"""The formats of JSON Schema (2020-12, Validation 7.3). Others are annotations, as it says."""

_EXACT_FORMATS = frozenset(["uuid", "ipv4", "date"])
_SAMPLES: Mapping[str, tuple[str, ...]] = {
    "date-time": ("2000-01-01T00:00:00Z",),
    "time": ("00:00:00Z",),
    "date": ("2000-01-01",),
    "duration": ("P1D",),
    "email": ("a@b.co",),
    "idn-email": ("a@b.co",),
    "hostname": ("a", "a.co"),
    "idn-hostname": ("a", "a.co"),
    "ipv4": ("0.0.0.0",),
    "ipv6": ("::", "::1"),
    "uri": ("a:", "a:b"),
    "iri": ("a:", "a:b"),
    "uri-reference": ("", "a"),
    "iri-reference": ("", "a"),
    "uri-template": ("", "a", "{a}"),
    "json-pointer": ("", "/a"),
    "relative-json-pointer": ("0", "1"),
    "regex": ("", "a"),
    "uuid": ("00000000-0000-0000-0000-000000000000",),
}
_MAX_SAMPLES = 24
"""Of one schema."""
_MAX_TAIL = 48
"""The ends of the shortest text up to this size, in bytes, are tried as endings."""
_MAX_STEPS_INSIDE = 120
"""Bytes that are tried for the end of a text that has begun, which happens while tokens are chosen."""
_STRINGS = ("", "a", "b", "c", "A", "0", "1", "x", "ab", "abc")
_NUMBERS = (0, 1, 2, 3, -1, 10, 0.5, 100, 1000)


@cache
def byte_tokenizer() -> LLTokenizer:
    """One token per byte."""
    return LLTokenizer("byte")


def is_exact_format(name: str) -> bool:
    """True if llguidance allows exactly the texts that validators accept."""
    return name in _EXACT_FORMATS


def lexeme_lark(schema: Mapping[str, Any]) -> str:
    """The schema of a string or number in Lark."""
    options = {"whitespace_flexible": False}
    return f"%json {json.dumps({**schema, 'x-guidance': options}, sort_keys=True)}"


def is_known_lexeme(schema: Mapping[str, Any]) -> bool:
    """True if llguidance can compile the schema of a string or number."""
    return not _compiled(lexeme_lark(schema)).is_error()


class Lexeme:
    """A lexeme whose texts only its compiled grammar knows."""

    def __init__(self, lark: str, samples: Sequence[bytes]) -> None:
        self.lark = lark
        self._matcher = _compiled(lark)
        self.samples = tuple(sample for sample in samples if self._is_whole(sample))
        """The given texts that are whole texts of the lexeme."""
        found = min(self.samples, key=len, default=None)
        self.shortest = shortest_ending(self._matcher) if found is None else found
        """A short text of the lexeme; None if none was found."""
        self.ending = lru_cache(maxsize=1024)(self._ending)

    def _ending(self, text: bytes) -> bytes | None:
        """Few bytes that make the beginning `text` whole; None if none were found."""
        matcher = self._matcher.deep_copy()
        if matcher.try_consume_tokens(list(text)) != len(text):
            return None
        if matcher.is_accepting():
            return b""
        for sample in (self.shortest, *self.samples):
            if sample is not None and self._completes(matcher, sample[len(text) :]):
                return sample[len(text) :]
        if self.shortest is not None:
            for size in range(1, min(len(self.shortest), _MAX_TAIL)):
                if self._completes(matcher, self.shortest[-size:]):
                    return self.shortest[-size:]
        return shortest_ending(matcher, _MAX_STEPS_INSIDE)

    def _is_whole(self, text: bytes) -> bool:
        return self._completes(self._matcher, text)

    def _completes(self, matcher: LLMatcher, rest: bytes) -> bool:
        if not rest:
            return False
        copy = matcher.deep_copy()
        return copy.try_consume_tokens(list(rest)) == len(rest) and copy.is_accepting()


def lexeme_of(schema: Mapping[str, Any], samples: Sequence[bytes]) -> Lexeme:
    """The lexeme of a string or number schema that llguidance compiles."""
    return lexeme_of_lark(
        lexeme_lark(schema), tuple(dict.fromkeys([*samples, *samples_of(schema)]))
    )


@lru_cache(maxsize=2048)
def lexeme_of_lark(lark: str, samples: tuple[bytes, ...]) -> Lexeme:
    """The lexeme with this body in Lark; `samples` are texts that may belong to it."""
    return Lexeme(lark, samples)


def samples_of(schema: Mapping[str, Any]) -> tuple[bytes, ...]:
    """JSON texts that may well be valid under the schema of a string or number."""
    samples: list[Any] = [
        value
        for keyword in ("default", "example")
        if isinstance(value := schema.get(keyword), str | int | float) and value is not True
    ]
    samples += [each for each in schema.get("examples", ()) if isinstance(each, str | int | float)]
    if schema.get("type") in ("number", "integer"):
        bounds = [schema.get(key) for key in ("minimum", "maximum", "multipleOf")]
        samples += [value for value in bounds if value is not None]
        samples += [value + 1 for value in bounds[:1] if isinstance(value, int)]
        samples += _NUMBERS
    else:
        pattern = schema.get("pattern")
        example = example_of(pattern) if isinstance(pattern, str) else None
        least = int(schema.get("minLength", 0))
        samples += [] if example is None else [example, example.ljust(least, example[-1:] or "a")]
        samples += _SAMPLES.get(str(schema.get("format")), ())
        samples += _STRINGS
    texts = [json.dumps(each, ensure_ascii=False).encode() for each in samples[:_MAX_SAMPLES]]
    return tuple(dict.fromkeys(texts))


@lru_cache(maxsize=2048)
def _compiled(lark: str) -> LLMatcher:
    name = "leaf" if lark.startswith("%json") else "LEAF"
    return compiled(byte_tokenizer(), f"start: {name}\n{name}: {lark}")
