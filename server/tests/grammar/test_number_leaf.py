"""Numbers without bounds of their value."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.leaf import Step
from galop.grammar.number_leaf import MAX_NUMBER_BYTES, InNumber, NumberLeaf, end_of_number

NUMBER = r"-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?([eE][+\-]?[0-9]{1,2})?"
numbers = st.from_regex(NUMBER, fullmatch=True).map(str.encode)
NOBODY = frozenset[bytes]()
LEAF = NumberLeaf("/x/", b"0")


@given(numbers, st.sampled_from([b",", b"]", b"}", b" ", b"\n"]), st.data())
def test_a_number_ends_before_what_follows(number: bytes, rest: bytes, data: st.DataObject) -> None:
    """However it is cut in two."""
    cut = data.draw(st.integers(1, len(number)))
    step = LEAF.begin(b"[" + number[:cut], 1, NOBODY)
    assert step == Step(1 + cut, InNumber(number[:cut]))
    assert InNumber(number[:cut]).step(number[cut:] + rest, 0, NOBODY) == Step(
        len(number) - cut, None
    )
    assert end_of_number(number + rest, 0) == len(number)


@given(numbers, st.data())
def test_completions_are_numbers(number: bytes, data: st.DataObject) -> None:
    """The first one is the cheapest; they differ."""
    state = InNumber(number[: data.draw(st.integers(1, len(number)))])
    completions = [each.text for each in state.completions(NOBODY)]
    assert len(completions[0]) == state.cost(len)
    assert len(set(completions)) == len(completions)
    for completion in completions:
        json.loads(state.text + completion)


@pytest.mark.parametrize("byte", b'+.eE"tf[ ')
def test_no_number_begins_with(byte: int) -> None:
    """Only digits and the minus begin one."""
    assert LEAF.begin(bytes([byte]), 0, NOBODY) is None


def test_a_number_has_a_greatest_size() -> None:
    """In one piece or in two."""
    longest = b"1" * MAX_NUMBER_BYTES
    assert LEAF.begin(longest, 0, NOBODY) is not None
    assert LEAF.begin(longest + b"1", 0, NOBODY) is None
    assert InNumber(longest).step(b"1", 0, NOBODY) is None
    assert InNumber(longest).step(b",", 0, NOBODY) == Step(0, None)
