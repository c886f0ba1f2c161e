"""What is asked of llguidance's matcher, and that its errors are raised."""

from __future__ import annotations

import numpy as np
import pytest
from llguidance.numpy import allocate_token_bitmask

from galop.grammar.matcher import GrammarConstraint, compiled
from galop.grammar.tokenizer import byte_vocabulary
from galop.protocol.errors import ConstraintFailedError
from galop.testing import ScriptedTokenizer

TOKENIZER = byte_vocabulary(ScriptedTokenizer())


def constraint(lark: str) -> GrammarConstraint:
    matcher = compiled(TOKENIZER, lark)
    assert not matcher.is_error(), matcher.get_error()
    size = TOKENIZER.vocab_size
    return GrammarConstraint(matcher, size, allocate_token_bitmask(1, size))


def test_the_mask_has_what_is_accepted() -> None:
    """And nothing else among the bytes."""
    state = constraint('start: "a" /[bc]/ "d"')
    assert state.try_accept(ord("a"))
    assert set(np.flatnonzero(state.allowed_mask()[:256])) == {ord("b"), ord("c")}
    assert not state.try_accept(ord("d"))
    assert state.try_accept(ord("c"))
    assert state.peek_forced() == [ord("d")]


def test_what_was_accepted_can_be_undone() -> None:
    """Token by token; a refused token leaves nothing to undo."""
    state = constraint('start: "ab" | "ac"')
    state.accept_all([ord("a"), ord("b")])
    assert state.is_stopped
    state.undo(1)
    assert not state.is_accepting
    assert not state.try_accept(ord("x"))
    assert state.try_accept(ord("c"))
    assert state.is_accepting


def test_a_rest_is_tried_without_being_taken() -> None:
    """It must be allowed to its last token, and the document must be whole after it."""
    state = constraint('start: "abc"')
    assert state.try_accept(ord("a"))
    assert state.accepts_whole([ord("b"), ord("c")])
    assert not state.accepts_whole([ord("b")])
    assert not state.accepts_whole([ord("c")])
    assert state.try_accept(ord("b"))


def test_errors_of_llguidance_are_raised() -> None:
    """It never raises by itself: an error is a state."""
    state = constraint('start: "ab"')
    with pytest.raises(ConstraintFailedError):
        state.accept_all([ord("x")])
    assert compiled(TOKENIZER, "start: nowhere").is_error()
