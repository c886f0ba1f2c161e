"""A compiled grammar and where in it a sequence is. The only place that asks llguidance's matcher."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from llguidance.numpy import fill_next_token_bitmask

from galop.protocol.errors import ConstraintFailedError

_LIMITS = LLParserLimits(max_items_in_row=50_000, step_max_items=500_000, verbose_errors=False)
"""Room for objects with a thousand optional members; every limit is an error, none a hang."""


def compiled(tokenizer: LLTokenizer, lark: str) -> LLMatcher:
    """A matcher for the grammar; ask `is_error` whether llguidance takes it."""
    grammar = LLMatcher.grammar_from_lark(lark)
    return LLMatcher(tokenizer, grammar, log_level=0, limits=_LIMITS)


class GrammarConstraint:
    """One sequence's state. llguidance never raises: its error state is checked and raised here."""

    def __init__(self, matcher: LLMatcher, vocab_size: int, bitmask: npt.NDArray[np.int32]) -> None:
        self._matcher = matcher
        self._vocab_size = vocab_size
        self._bitmask = bitmask  # shared: the engine uses one constraint at a time

    def try_accept(self, token_id: int) -> bool:
        """See `TokenConstraint.try_accept`."""
        if self._matcher.try_consume_tokens([token_id]) == 1:
            return True
        self._check()
        return False

    def allowed_mask(self) -> npt.NDArray[np.bool_]:
        """See `TokenConstraint.allowed_mask`."""
        fill_next_token_bitmask(self._matcher, self._bitmask)
        self._check()
        bits = np.unpackbits(self._bitmask[0].view(np.uint8), bitorder="little")
        return bits[: self._vocab_size].view(np.bool_)

    def peek_forced(self) -> list[int]:
        """The tokens that must come now; they are not accepted yet."""
        return self._matcher.compute_ff_tokens()

    def accept_all(self, token_ids: list[int]) -> None:
        """Advance by tokens that are known to be allowed."""
        if token_ids and not self._matcher.consume_tokens(token_ids):
            raise ConstraintFailedError(self._matcher.get_error() or "tokens were refused")

    def undo(self, num_tokens: int) -> None:
        """Go back to before the last accepted tokens."""
        self._matcher.rollback(num_tokens)
        self._check()

    def accepts_whole(self, token_ids: list[int]) -> bool:
        """Whether these tokens are allowed and end the document; changes nothing."""
        copy = self._matcher.deep_copy()
        return copy.try_consume_tokens(token_ids) == len(token_ids) and copy.is_accepting()

    @property
    def is_stopped(self) -> bool:
        """True when nothing may follow."""
        return self._matcher.is_stopped()

    @property
    def is_accepting(self) -> bool:
        """True when the text so far is a whole document."""
        return self._matcher.is_accepting()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise ConstraintFailedError(self._matcher.get_error())
