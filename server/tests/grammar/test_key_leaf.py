"""Keys of members that the schema does not declare."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.key_leaf import MAX_FRESH_SUFFIX, KeyLeaf, PatternKeyLeaf
from galop.grammar.leaf import INFINITE, State, Step

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
name_sets = st.frozensets(st.text("ab", max_size=2).map(str.encode), max_size=5)
NOBODY = frozenset[bytes]()
KEY = KeyLeaf("/x/", b',\n  "": ', before=b',\n  "', after=b'": ', taken=frozenset([b"declared"]))


def letters_then_digit(text: bytes) -> bytes | None:
    """The ending of a name that matches `x[a-z]*[0-9]`, with quotes."""
    for rest in (b'"', b'0"', b'x0"'):
        if re.fullmatch(rb'"x[a-z]*[0-9]"', text + rest):
            return rest
    return None


PATTERN = PatternKeyLeaf("/x/", b'"x0":', ending=letters_then_digit)


def inside(leaf: KeyLeaf, text: bytes, taken: frozenset[bytes] = NOBODY) -> State | None:
    """After a beginning of a key; None if it does not fit."""
    step = leaf.begin(text, 0, taken)
    return None if step is None else step.state


@given(names, st.booleans(), st.data())
def test_a_key_ends_after_its_colon(name: str, is_ascii: bool, data: st.DataObject) -> None:
    """And tells its name, however it is escaped or cut in two."""
    key = b",\n  " + json.dumps(name, ensure_ascii=is_ascii).encode() + b": "
    cut = data.draw(st.integers(1, len(key) - 1))
    state = inside(KEY, key[:cut])
    assert state is not None
    assert state.step(b"[" + key[cut:] + b"1", 1, NOBODY) == Step(
        1 + len(key) - cut, None, name.encode()
    )


def test_a_name_that_is_taken_does_not_fit() -> None:
    """As the object has it, as the schema declares it, and however it is escaped."""
    taken = frozenset([b"a"])
    assert inside(KEY, b',\n  "a', taken) is not None
    assert inside(KEY, b',\n  "a"', taken) is None
    assert inside(KEY, b',\n  "\\u0061"', taken) is None
    assert inside(KEY, b',\n  "declared"') is None
    assert inside(KEY, b',\n  "declare"') is not None


def test_another_text_is_no_key() -> None:
    """Before the name and after it."""
    assert inside(KEY, b",\n ") is not None
    assert inside(KEY, b",\n x") is None
    assert inside(KEY, b',\n  "a" ') is None


@given(name_sets, st.integers(1, 8))
def test_completions_have_new_names(taken: frozenset[bytes], size: int) -> None:
    """At every place of a key; they cost at most what is said."""
    key = b',\n  "ab": '
    state = inside(KEY, key[:size], taken)
    if state is None:
        assert b"ab" in taken
        return
    for completion in state.completions(taken):
        assert completion.name not in taken | KEY.taken
        assert len(completion.text) <= state.cost(len)
        step = state.step(completion.text, 0, taken)
        assert step == Step(len(completion.text), None, completion.name)


def test_whole_keys_have_new_names() -> None:
    """The empty name first."""
    assert [each.name for each in KEY.texts(NOBODY)] == [b""]
    assert [each.text for each in KEY.texts(frozenset([b""]))] == [b',\n  "a": ']
    assert KEY.cost(len) == len(b',\n  "": ') + MAX_FRESH_SUFFIX


def test_names_that_match_a_pattern_are_new_too() -> None:
    """Where the shortest one is taken, another one is found near to it."""
    found: set[bytes] = set()
    for _ in range(30):
        (completion,) = PATTERN.texts(frozenset(found))
        assert completion.name is not None
        assert completion.name not in found
        assert re.fullmatch(rb"x[a-z]*[0-9]", completion.name)
        assert completion.text == b'"' + completion.name + b'":'
        found.add(completion.name)


def test_a_pattern_without_another_name_has_no_completion() -> None:
    """A member with such a key cannot come once more."""
    only = PatternKeyLeaf(
        "/x/", b'"a":', ending=lambda text: b'"a"'[len(text) :] if b'"a"'.startswith(text) else None
    )
    assert [each.name for each in only.texts(NOBODY)] == [b"a"]
    assert list(only.texts(frozenset([b"a"]))) == []


def test_a_name_that_no_ending_completes_has_no_cost() -> None:
    """The beginning is outside of what the pattern allows."""
    state = inside(PATTERN, b'"y')
    assert state is not None
    assert state.cost(len) == INFINITE
    assert list(state.completions(NOBODY)) == []
