"""Free text that ends at a marker, and what a constraint allows after it.

For models that think before they answer, and for those that decide by themselves whether to call a
function: the marker is the end of the thought, or the beginning of the call.
"""

from __future__ import annotations

from collections.abc import Callable

from galop.engine.constraint import TokenConstraint
from galop.grammar.vocabulary import BoolArray, Vocabulary

Rest = Callable[[int], TokenConstraint]
"""Makes what comes after the marker, for a budget in tokens."""


class FreeText:
    """Any text. Implements `engine.constraint.TokenConstraint`."""

    is_complete = False
    can_end = True
    closed_by_budget = False

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def try_accept(self, token_id: int) -> bool:
        """Whatever is not a control token."""
        return bool(self._vocabulary.is_text[token_id])

    def allowed_mask(self) -> BoolArray:
        """See `TokenConstraint.allowed_mask`."""
        return self._vocabulary.is_text

    def forced_tokens(self) -> list[int]:
        """None are."""
        return []


class TriggeredConstraint:
    """Implements `engine.constraint.TokenConstraint`.

    `marker`: the text, with control tokens as their marks. `smallest_rest`: the tokens that the rest
    needs at least; the marker is refused where they do not fit. `may_end`: the text may end without
    the marker. `max_tokens`: after so many tokens the marker is forced; None: never.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        marker: bytes,
        make_rest: Rest,
        *,
        budget_tokens: int,
        smallest_rest: int,
        may_end: bool,
        max_tokens: int | None = None,
    ) -> None:
        self._vocabulary = vocabulary
        self._marker = marker
        self._make_rest = make_rest
        self._num_left = budget_tokens
        self._smallest_rest = smallest_rest
        self._may_end = may_end
        self._rest: TokenConstraint | None = None
        self._tail = b""
        """The last bytes: as many as can be the beginning of the marker."""
        self._num_free: int | None = None
        """Tokens until the marker is forced."""
        if max_tokens is not None:
            num_marker = len(vocabulary.segment(marker))
            self._num_free = max(0, min(max_tokens, budget_tokens - smallest_rest - num_marker))

    def __repr__(self) -> str:
        return f"<TriggeredConstraint {self._num_left} left, then {self._rest}>"

    @property
    def is_complete(self) -> bool:
        """True when what comes after the marker is complete."""
        return self._rest is not None and self._rest.is_complete

    @property
    def can_end(self) -> bool:
        """True in a text that may end, and where the rest can."""
        return self._may_end if self._rest is None else self._rest.can_end

    @property
    def closed_by_budget(self) -> bool:
        """True when the budget, and not the model, decided how it ends."""
        return self._rest is not None and self._rest.closed_by_budget

    def try_accept(self, token_id: int) -> bool:
        """See `TokenConstraint.try_accept`."""
        if self._rest is not None:
            return self._rest.try_accept(token_id)
        surplus = self._surplus(token_id)
        if surplus is None:
            if not self._vocabulary.is_text[token_id] or self._is_over:
                return False
            self._take(self._vocabulary.token_bytes[token_id], 1)
            return True
        if surplus or self._num_left - 1 < self._smallest_rest:
            return False
        self._end(1)
        return True

    def allowed_mask(self) -> BoolArray:
        """See `TokenConstraint.allowed_mask`."""
        if self._rest is not None:
            return self._rest.allowed_mask()
        mask: BoolArray = self._vocabulary.is_text.copy()
        for token_id in self._may_finish_marker():
            surplus = self._surplus(token_id)
            if surplus is not None:
                mask[token_id] = not surplus and self._num_left - 1 >= self._smallest_rest
        return mask

    def forced_tokens(self) -> list[int]:
        """See `TokenConstraint.forced_tokens`: the marker, when the free text is used up."""
        forced: list[int] = []
        if self._rest is None and self._is_over:
            forced = self._vocabulary.segment(self._marker)
            self._end(len(forced))
        return forced if self._rest is None else forced + self._rest.forced_tokens()

    @property
    def _is_over(self) -> bool:
        return self._num_free is not None and self._num_free <= 0

    def _take(self, data: bytes, num_tokens: int) -> None:
        self._tail = (
            (self._tail + data)[-(len(self._marker) - 1) :] if len(self._marker) > 1 else b""
        )
        self._num_left -= num_tokens
        if self._num_free is not None:
            self._num_free -= num_tokens

    def _end(self, num_tokens: int) -> None:
        self._num_left -= num_tokens
        self._rest = self._make_rest(self._num_left)

    def _surplus(self, token_id: int) -> bytes | None:
        """What the token has after the end of the marker; None if the marker does not end in it."""
        text = self._tail + self._vocabulary.token_bytes[token_id]
        found = text.find(self._marker)
        return None if found < 0 else text[found + len(self._marker) :]

    def _may_finish_marker(self) -> list[int]:
        if self._marker.startswith(b"\xff"):
            return self._vocabulary.special_ids
        return self._vocabulary.with_byte(self._marker[-1])
