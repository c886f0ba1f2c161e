"""Free text up to a marker, and what comes after it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from galop.grammar.tokenizer import byte_vocabulary
from galop.grammar.triggered import FreeText, TriggeredConstraint
from galop.grammar.vocabulary import Vocabulary
from galop.testing import END, ScriptedTokenizer

VOCABULARY = Vocabulary(byte_vocabulary(ScriptedTokenizer()))


class Budgets(list[int]):
    """Makes free text as the rest, and keeps the budgets that it got."""

    def __call__(self, num_left: int) -> FreeText:
        """See `triggered.Rest`."""
        self.append(num_left)
        return FreeText(VOCABULARY)


def triggered(
    budget_tokens: int,
    *,
    make_rest: Callable[[int], FreeText] | None = None,
    smallest_rest: int = 2,
    may_end: bool = True,
    max_tokens: int | None = None,
) -> TriggeredConstraint:
    return TriggeredConstraint(
        VOCABULARY,
        b"<go>",
        Budgets() if make_rest is None else make_rest,
        budget_tokens=budget_tokens,
        smallest_rest=smallest_rest,
        may_end=may_end,
        max_tokens=max_tokens,
    )


def num_taken(constraint: TriggeredConstraint, text: bytes) -> int:
    """How many bytes of the text are allowed."""
    return next((i for i, byte in enumerate(text) if not constraint.try_accept(byte)), len(text))


def test_the_rest_gets_what_the_text_has_left() -> None:
    """The marker counts as well; it may begin again within itself."""
    budgets = Budgets()
    constraint = triggered(20, make_rest=budgets)
    assert num_taken(constraint, b"a<g<go>") == 7
    assert budgets == [13]


@pytest.mark.parametrize("may_end", [True, False])
def test_a_text_ends_without_the_marker_where_it_may(may_end: bool) -> None:
    """Calls are the model's choice; a thought has to end."""
    constraint = triggered(20, may_end=may_end)
    assert constraint.try_accept(ord("a"))
    assert constraint.can_end == may_end
    assert not constraint.is_complete


def test_the_marker_is_refused_where_the_rest_does_not_fit() -> None:
    """Its last byte alone, in the mask as well."""
    constraint = triggered(6, smallest_rest=3)
    assert num_taken(constraint, b"<go>") == 3
    assert not constraint.allowed_mask()[ord(">")]
    assert constraint.allowed_mask()[ord("x")]
    assert triggered(6, smallest_rest=3).try_accept(ord("x"))
    assert num_taken(triggered(7, smallest_rest=3), b"<go>") == 4


def test_the_marker_is_forced_when_the_text_has_had_its_share() -> None:
    """No later than the rest needs it."""
    constraint = triggered(100, max_tokens=3)
    assert num_taken(constraint, b"abcdef") == 3
    assert bytes(constraint.forced_tokens()) == b"<go>"
    short = triggered(8, max_tokens=100, smallest_rest=3)
    assert num_taken(short, b"abcdef") == 1
    assert bytes(short.forced_tokens()) == b"<go>"


def test_control_tokens_are_no_text() -> None:
    """Neither before the marker nor in free text."""
    for constraint in (triggered(20), FreeText(VOCABULARY)):
        assert not constraint.try_accept(END)
        assert not constraint.allowed_mask()[END]
        assert not constraint.closed_by_budget
