"""A JSON object that always ends within its budget, and never has a key twice.

Wraps the grammar of JSON mode. At every point there is a *plan*: the tokens that end the document
from here (the texts of `json_text.item_parts` and the brackets, tokenized one by one, so that the
cost is a sum). A token is
allowed only if the plan after it fits into what is left of the budget; the plan's own first token
always is. When nothing but the plan fits any more it is forced, all at once.

While much of the budget is left this costs nothing beyond following the text: a token can make the
plan longer by `Costs.growth` at most, so for a while nothing can go wrong. Near the end the mask is
restricted: text inside strings goes on as long as it can, what would begin something new is refused
a little before it no longer fits, and only few tokens are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from galop.grammar.json_text import (
    COMMA,
    DONE,
    INDENT_ITEM,
    ITEM,
    KEY,
    MINIMAL_VALUE,
    OPENED,
    START,
    STRING,
    Position,
    advance,
    frames_after_item,
    item_parts,
    key_of,
    needs_key,
)
from galop.grammar.key_leaf import MAX_FRESH_SUFFIX
from galop.grammar.matcher import GrammarConstraint
from galop.grammar.vocabulary import BoolArray, IntArray, Vocabulary

_RESERVE = 4
"""Tokens that must be left beyond the plan to begin a member, an item or a container."""
_MAX_TRIED_TOKENS = 64
"""More candidates than this are not tried one by one, only the simple ones among them."""
_LONGEST_COMPLETION = 9
"""Bytes that finish an escape or a character: at most those of `000\\udc00`."""
_COMPLETION_BYTES = b"abcdefghijklmnopqrstuvwxyz0\\\x80\x90\xa0"
_BEGINNINGS = frozenset([OPENED, INDENT_ITEM, COMMA, ITEM])


class Costs:
    """What closing costs in tokens, for documents with at most `max_indent` spaces before an item.

    Raises KeyError if the vocabulary has no token for some byte that closing needs.
    """

    def __init__(self, vocabulary: Vocabulary, *, max_indent: int) -> None:
        self.vocabulary = vocabulary
        vocabulary.num_tokens(bytes([byte]) for byte in _COMPLETION_BYTES)
        indents = [b"\n" + b" " * size for size in range(max_indent + 1)]
        closers = [b"]", b"}", *(indent + end for indent in indents for end in (b"]", b"}"))]
        most_for_closer = self._most(closers)
        most_for_item = (
            self._most(indents)
            + len(vocabulary.tokenize(b'"'))
            + _LONGEST_COMPLETION
            + MAX_FRESH_SUFFIX
            + len(vocabulary.tokenize(b'": ' + MINIMAL_VALUE))
            + _RESERVE
        )
        self.growth: IntArray = most_for_item + (vocabulary.num_openings + 1) * most_for_closer
        """By how much each token can make the plan longer, at most."""
        self.most_growth = int(self.growth.max())
        self.keeps_string = vocabulary.keeps_string.tobytes()
        """The same as in the vocabulary, faster to ask for a single token."""

    def bound(self, position: Position) -> int:
        """No fewer tokens than the plan has. The same before and after any text inside a string."""
        tokenize = self.vocabulary.tokenize
        num_tokens = MAX_FRESH_SUFFIX if needs_key(position) else 0
        for part in item_parts(position, with_fresh_keys=False):
            num_tokens += len(tokenize(part))
        for frame in frames_after_item(position):
            num_tokens += 1 if frame.indent is None else len(tokenize(frame.closer))
        return num_tokens

    def plan(self, position: Position) -> list[int]:
        """The tokens that end the document, tokenized part by part."""
        parts = [*item_parts(position), *(frame.closer for frame in frames_after_item(position))]
        return [token_id for part in parts for token_id in self.vocabulary.tokenize(part)]

    def _most(self, texts: Iterable[bytes]) -> int:
        return max(len(self.vocabulary.tokenize(text)) for text in texts)


class BudgetedConstraint:
    """One document of at most `budget_tokens`. Implements `engine.TokenConstraint`.

    The budget must hold the smallest document: `Costs.bound(START)`.
    """

    def __init__(self, grammar: GrammarConstraint, costs: Costs, budget_tokens: int) -> None:
        self.was_closed = False
        """True once the budget has refused a token or forced one: the document is cut short."""
        self._grammar = grammar
        self._costs = costs
        self._token_bytes = costs.vocabulary.token_bytes
        self._keeps_string = costs.keeps_string
        self._position = START
        self._num_left = budget_tokens
        self._num_unwatched = 0
        """So many tokens may come before the plan can be in danger."""
        self._mask: BoolArray | None = None
        self._mask_without_budget: BoolArray | None = None

    def __repr__(self) -> str:
        return (
            f"<BudgetedConstraint {self._position.mode.name} {self._num_left} left, "
            f"{self._costs.bound(self._position)} to close>"
        )

    @property
    def is_complete(self) -> bool:
        """True once the object is closed."""
        return self._position.mode is DONE

    @property
    def can_end(self) -> bool:
        """The same: nothing may follow the object."""
        return self._position.mode is DONE

    def try_accept(self, token_id: int) -> bool:
        """See `TokenConstraint.try_accept`."""
        if self._is_watching() and not self._is_harmless(token_id):
            allowed = self.allowed_mask()[token_id]
            assert self._mask_without_budget is not None
            if not allowed:
                self.was_closed |= bool(self._mask_without_budget[token_id])
                return False
        if not self._grammar.try_accept(token_id):
            return False
        position = self._position
        if position.mode is STRING and not position.pending and self._keeps_string[token_id]:
            self._move(position, num_tokens=1)  # most tokens are of this kind
            return True
        next_position = advance(position, self._token_bytes[token_id])
        if next_position is None:
            self._grammar.undo(1)
            return False
        self._move(next_position, num_tokens=1)
        return True

    def allowed_mask(self) -> BoolArray:
        """See `TokenConstraint.allowed_mask`."""
        if self._mask is None:
            mask = self._grammar.allowed_mask()
            self._forbid_taken_keys(mask)
            self._mask = self._mask_without_budget = mask
            if self._is_watching():
                self._mask = self._within_budget(mask)
        return self._mask

    def forced_tokens(self) -> list[int]:
        """What the grammar forces, if that fits; the whole plan where nothing else fits."""
        if self._position.is_in_string and self._num_unwatched > 0:
            return []  # the grammar forces nothing in here, and the budget is large
        forced = self._forced_by_grammar()
        if self._is_watching() and not self.is_complete and self._slack() <= 0:
            plan = self._costs.plan(self._position)
            self.was_closed = True
            self._accept_all(plan)
            forced += plan
        return forced

    def _forced_by_grammar(self) -> list[int]:
        if self.is_complete or not (forced := self._grammar.peek_forced()):
            return []
        position = self._after(forced)
        if position is None:
            return []
        if self._num_unwatched <= len(forced):
            num_left = self._num_left - len(forced)
            if self._costs.bound(position) > num_left:
                return []
        self._grammar.accept_all(forced)
        self._move(position, num_tokens=len(forced))
        return forced

    def _accept_all(self, token_ids: list[int]) -> None:
        position = self._after(token_ids)
        assert position is not None, "a plan never repeats a key"
        self._grammar.accept_all(token_ids)
        self._move(position, num_tokens=len(token_ids))

    def _after(self, token_ids: list[int]) -> Position | None:
        data = b"".join(self._token_bytes[token_id] for token_id in token_ids)
        return advance(self._position, data)

    def _move(self, position: Position, *, num_tokens: int) -> None:
        self._position = position
        self._num_left -= num_tokens
        self._num_unwatched -= num_tokens
        self._mask = self._mask_without_budget = None

    def _slack(self) -> int:
        return self._num_left - self._costs.bound(self._position)

    def _is_watching(self) -> bool:
        if self._num_unwatched > 0:
            return False
        slack, most_growth = self._slack(), self._costs.most_growth
        if slack <= most_growth:
            return True
        # A token takes one from the budget and adds `most_growth` to the plan, in the worst case.
        self._num_unwatched = max(1, (slack - most_growth) // (most_growth + 1))
        return False

    def _is_harmless(self, token_id: int) -> bool:
        """True if the plan fits after this token, should the grammar allow it."""
        room = self._slack() - 1
        if self._position.is_in_string and room >= 0 and self._keeps_string[token_id]:
            return True
        return bool(self._costs.growth[token_id] <= room)

    def _within_budget(self, mask: BoolArray) -> BoolArray:
        """The mask without tokens after which the plan would not fit."""
        vocabulary = self._costs.vocabulary
        room = self._slack() - 1
        doubtful = mask & (self._costs.growth > room)
        if self._position.is_in_string and room >= 0:
            doubtful &= ~vocabulary.keeps_string
        token_ids = np.flatnonzero(doubtful)
        mask = mask & ~doubtful
        if len(token_ids) > _MAX_TRIED_TOKENS:
            token_ids = token_ids[vocabulary.is_simple[token_ids]]
        for token_id in token_ids:
            mask[token_id] = self._fits(self._token_bytes[token_id])
        plan = self._costs.plan(self._position)
        if plan:
            mask[plan[0]] = True
        return mask

    def _fits(self, token: bytes) -> bool:
        position = advance(self._position, token)
        if position is None:
            return False
        begins = position.mode in _BEGINNINGS or (
            position.mode is KEY and self._position.mode is not KEY
        )
        reserve = _RESERVE if begins else 0
        return self._costs.bound(position) + reserve < self._num_left

    def _forbid_taken_keys(self, mask: BoolArray) -> None:
        """Take the tokens out that would complete a key for the second time."""
        position, vocabulary = self._position, self._costs.vocabulary
        frame = position.frame
        if frame is None:
            return
        doubtful = vocabulary.with_quotes
        if position.mode is KEY and frame.keys:
            if position.pending:
                doubtful = vocabulary.with_quote
            else:
                begun = key_of(position.text)
                for key in frame.keys:
                    if key.startswith(begun):
                        mask[vocabulary.by_first_quote.get(key[len(begun) :], [])] = False
        for token_id in doubtful[mask[doubtful]]:
            if advance(position, self._token_bytes[token_id]) is None:
                mask[token_id] = False
