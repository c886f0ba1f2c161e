"""Hypothesis strategies: small schemas, and values that come near to them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "c")
SCALARS = (None, True, False, 0, 1, 2, 3, 1.0, 1.5, -1, "", "a", "b", "ab", "abc")

values: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*NAMES, "ab", "d"]), inner, max_size=3)
    ),
    max_leaves=6,
)

_small = st.integers(0, 3)


def _some_of(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keywords)


string_keywords = _some_of(
    minLength=_small, maxLength=_small, pattern=st.sampled_from(["^a", "b$", "^[ab]+$"])
)
number_keywords = _some_of(
    minimum=st.sampled_from([0, 1, 1.5]),
    maximum=st.sampled_from([1, 2, 2.5]),
    exclusiveMinimum=st.sampled_from([0, 1]),
    exclusiveMaximum=st.sampled_from([2, 3]),
    multipleOf=st.sampled_from([1, 2, 3]),
)
constants = _some_of(
    enum=st.lists(values, min_size=1, max_size=4), const=st.sampled_from(SCALARS)
).filter(bool)


def array_keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Of drafts from 2020-12 on."""
    return _some_of(
        items=inner,
        prefixItems=st.lists(inner, min_size=1, max_size=2),
        minItems=_small,
        maxItems=_small,
        uniqueItems=st.booleans(),
        contains=inner,
        minContains=_small,
    )


def object_keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Of drafts from 2020-12 on."""
    names = st.lists(st.sampled_from(NAMES), max_size=2, unique=True)
    return _some_of(
        properties=st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
        required=names,
        additionalProperties=inner,
        patternProperties=st.dictionaries(st.sampled_from(["^a", "^[bc]$"]), inner, max_size=2),
        propertyNames=st.sampled_from([{"pattern": "^[ab]"}, {"maxLength": 1}]),
        minProperties=_small,
        maxProperties=_small,
        dependentRequired=st.dictionaries(st.sampled_from(NAMES), names, max_size=1),
    )


def of_type(name: str, keywords: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Any]:
    """With `type`: without it, the reader means fewer types than the validator allows."""
    return keywords.map(lambda found: {"type": name, **found})


def _typed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        of_type("string", string_keywords),
        of_type("number", number_keywords),
        of_type("integer", number_keywords),
        of_type("array", array_keywords(inner)),
        of_type("object", object_keywords(inner)),
    )


_leaves = st.one_of(
    st.sampled_from(
        [True, False, {"type": "null"}, {"type": "boolean"}, {"type": ["string", "null"]}]
    ),
    constants,
    of_type("string", string_keywords),
    of_type("number", number_keywords),
)

typed_schemas: st.SearchStrategy[Any] = st.recursive(_leaves, _typed, max_leaves=5)
"""Schemas without references, alternatives or `allOf`."""


def _combined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        _typed(inner),
        several.map(lambda found: {"allOf": found}),
        several.map(lambda found: {"anyOf": found}),
        several.map(lambda found: {"oneOf": found}),
        st.tuples(inner, inner).map(lambda two: {"allOf": [two[0], {"not": two[1]}]}),
    )


schemas: st.SearchStrategy[Any] = st.recursive(_leaves, _combined, max_leaves=6)
"""Schemas with alternatives and `allOf`."""


_guarded = st.recursive(
    _leaves | st.sampled_from([{"$ref": "#/$defs/x"}, {"$ref": "#/$defs/y"}]),
    lambda inner: (
        _typed(inner)
        | st.lists(inner, min_size=1, max_size=3).map(lambda found: {"allOf": found})
        | st.tuples(inner, _typed(inner)).map(lambda two: {**two[1], "allOf": [two[0]]})
    ),
    max_leaves=4,
)

documents: st.SearchStrategy[Any] = st.tuples(_guarded, _guarded).map(
    lambda two: {"$ref": "#/$defs/x", "$defs": {"x": two[0], "y": two[1]}}
)
"""Schemas that refer to themselves and to each other, also through `allOf`."""
