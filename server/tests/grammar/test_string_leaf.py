"""Strings that only a length bounds."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.leaf import Step
from galop.grammar.string_leaf import InString, StringLeaf

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
NOBODY = frozenset[bytes]()
FREE = StringLeaf("/x/", b'""', (b'"a"', b'"b"', b'"beyond"'))


def inside(leaf: StringLeaf, text: bytes) -> InString:
    """After a beginning of a string."""
    step = leaf.begin(text, 0, NOBODY)
    assert step is not None
    assert isinstance(step.state, InString)
    return step.state


@given(texts, st.booleans(), st.sampled_from([b"", b",", b'"']), st.data())
def test_a_string_ends_at_its_closing_quote(
    text: str, is_ascii: bool, rest: bytes, data: st.DataObject
) -> None:
    """However it is cut in two."""
    string = json.dumps(text, ensure_ascii=is_ascii).encode()
    cut = data.draw(st.integers(1, len(string) - 1))
    step = inside(FREE, string[:cut]).step(b"[" + string[cut:] + rest, 1, NOBODY)
    assert step == Step(1 + len(string) - cut, None)


def test_only_a_quote_begins_a_string() -> None:
    """Nothing else does."""
    assert FREE.begin(b"a", 0, NOBODY) is None
    assert FREE.begin(b'["', 1, NOBODY) == Step(2, InString(FREE))


@given(texts, st.booleans(), st.integers(0, 12), st.data())
def test_completions_are_strings_of_the_least_length(
    text: str, is_ascii: bool, min_chars: int, data: st.DataObject
) -> None:
    """The first one costs what is said and goes on with what there is."""
    leaf = StringLeaf("/x/", b'"' + b"a" * min_chars + b'"', min_chars=min_chars)
    string = json.dumps(text, ensure_ascii=is_ascii).encode()
    beginning = string[: data.draw(st.integers(1, len(string) - 1))]
    state = inside(leaf, beginning)
    completions = [each.text for each in state.completions(NOBODY)]
    assert len(completions[0]) == state.cost(len) == min(map(len, completions))
    for completion in completions:
        assert len(json.loads(beginning + completion)) >= min_chars


def test_completions_try_the_ends_of_variants() -> None:
    """For documents that only a certain value makes valid."""
    found = [each.text for each in inside(FREE, b'"be').completions(NOBODY)]
    assert b'yond"' in found


def test_a_string_with_a_minimum_is_not_free() -> None:
    """Its characters are counted."""
    counted = StringLeaf("/x/", b'"aa"', min_chars=2)
    assert inside(FREE, b'"x').is_free
    assert not inside(FREE, b'"x\\').is_free
    assert not inside(counted, b'"x').is_free
    assert inside(counted, '"é\\n'.encode()).num_chars == 2
