"""One document within a budget: the constraint of schemas and of calls.

llguidance says which tokens the grammar allows. Beside it goes `Progress`, which knows what ending
the document costs; a token is taken only if an ending still fits into the budget after it. Where the
rules do not say all that the schema does, the ending must make a valid document as well: so there is
always a valid ending, and what is refused is refused before it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np

from galop.grammar.compiled_schema import CompiledSchema
from galop.grammar.costs import Costs
from galop.grammar.leaf import INFINITE
from galop.grammar.matcher import GrammarConstraint
from galop.grammar.parser_state import ParserState
from galop.grammar.vocabulary import BoolArray, Vocabulary
from galop.protocol.errors import BudgetTooSmallError, ConstraintFailedError

_MAX_ENDINGS = 48
"""So many endings are looked at before a token is refused."""
_MAX_FIRST_ENDINGS = 500
"""The same for the first ending of all."""
_MAX_TOO_LONG = 3
_TIGHT = 4
"""Tokens over the budget by which it is worth looking for a shorter way to write the same."""
_MAX_REFUSALS = 4
"""After so many refused tokens at one place the plan is followed instead."""
_SPARE_TOKENS = 256
"""With so many more than the known ending takes, no ending is looked for inside of strings."""


class DocumentPlan:
    """What all documents of one shape share, for one vocabulary."""

    def __init__(
        self, shape: CompiledSchema, vocabulary: Vocabulary, *, is_checked: bool = True
    ) -> None:
        self.check = shape.is_valid if is_checked and not shape.is_exact else None
        """What documents must satisfy beyond the rules, if anything."""
        self.vocabulary = vocabulary
        self.costs = Costs(shape.rules, vocabulary.cost_of)
        self.smallest: list[int] | None = None
        """The tokens of the smallest document, once one has been looked for."""


class DocumentConstraint:
    """Implements `engine.TokenConstraint`.

    Raises `BudgetTooSmallError` if no valid document fits into `budget_tokens`, and
    `ConstraintFailedError` if none was found at all.
    """

    def __init__(self, grammar: GrammarConstraint, plan: DocumentPlan, budget_tokens: int) -> None:
        self.was_closed = False
        """True once the budget has refused a token or forced one: the document is cut short."""
        self._grammar = grammar
        self._vocabulary = plan.vocabulary
        self._token_bytes = plan.vocabulary.token_bytes
        self._keeps_string = plan.vocabulary.keeps_string_bytes
        self._check = plan.check
        self._progress = ParserState.start(plan.costs)
        self._text = bytearray()
        self._num_left = budget_tokens
        self._refused: set[int] = set()
        self._follows_plan = False
        self._held: bytes | None = None
        """An ending that is known to be valid; None where the costs vouch for one."""
        self._found: bytes | None = None
        """The same for the place that is being looked at."""
        self._held_tokens: tuple[bytes, list[int]] | None = None
        """The held ending and its tokens, where they were needed."""
        self._mask: BoolArray | None = None
        if plan.smallest is None:
            plan.smallest = self._smallest()
        if len(plan.smallest) > budget_tokens:
            raise BudgetTooSmallError(
                num_tokens_needed=len(plan.smallest), num_tokens=budget_tokens
            )
        self._held = self._bytes(plan.smallest)

    def __repr__(self) -> str:
        return f"<DocumentConstraint {self._num_left} left, {self._progress.cost} to close>"

    @property
    def is_complete(self) -> bool:
        """True once nothing may follow."""
        return self._grammar.is_stopped

    @property
    def can_end(self) -> bool:
        """True where the text so far is a valid document."""
        if not self._grammar.is_accepting:
            return False
        return self._check is None or self._check(self._text.decode("utf-8", "replace"))

    def try_accept(self, token_id: int) -> bool:
        """See `TokenConstraint.try_accept`."""
        if not self._grammar.try_accept(token_id):
            return False
        progress = self._progress
        keeps_string = bool(self._keeps_string[token_id])
        if not (progress.is_in_free_string and keeps_string):
            progress = progress.advance(self._token_bytes[token_id])
        data = self._token_bytes[token_id]
        if self._may_become(progress, data, self._num_left - 1, is_string=keeps_string):
            self._move(progress, self._token_bytes[token_id], 1)
            return True
        self._grammar.undo(1)
        self._refused.add(token_id)
        self._mask = None
        return False

    def allowed_mask(self) -> BoolArray:
        """See `TokenConstraint.allowed_mask`. Tokens that were refused here are not in it."""
        if self._mask is None:
            mask = self._grammar.allowed_mask()
            mask[list(self._refused)] = False
            if len(self._refused) >= _MAX_REFUSALS or not mask.any():
                mask = self._plan_mask()
            self._mask = mask
        return self._mask

    def forced_tokens(self) -> list[int]:
        """What the grammar forces, if that fits; the whole plan where nothing else fits."""
        forced = [] if self._progress.is_in_free_string else self._grammar.peek_forced()
        if forced:
            data = self._bytes(forced)
            progress = self._progress.advance(data)
            self._grammar.accept_all(forced)
            if self._may_become(progress, data, self._num_left - len(forced)):
                self._move(progress, data, len(forced))
            else:
                self._grammar.undo(len(forced))
                forced = []
        if self._progress.cost >= self._num_left > 0 and not self.is_complete:
            forced += self._force_plan()
        return forced

    def resume(self, data: bytes) -> None:
        """Go on after the beginning of a document that the grammar is known to allow."""
        self._grammar.accept_all(self._vocabulary.segment(data))
        self._move(self._progress.advance(data), data, 0)

    def ending(self) -> bytes | None:
        """The shortest text that makes the document whole and valid; None if none was found."""
        found = self._ending_tokens(self._progress, INFINITE)
        return None if found is None else self._bytes(found)

    def _smallest(self) -> list[int]:
        for ending in islice(self._progress.endings(), _MAX_FIRST_ENDINGS):
            if self._check is None or self._check(ending.decode("utf-8", "replace")):
                return self._vocabulary.segment_shortest(ending)
        raise ConstraintFailedError("no document was found that satisfies the schema")

    def _force_plan(self) -> list[int]:
        plan = self._plan()
        if plan is None:
            return []
        data = self._bytes(plan)
        self._grammar.accept_all(plan)
        self._move(self._progress.advance(data), data, len(plan))
        self.was_closed = True
        return plan

    def _plan_mask(self) -> BoolArray:
        plan = self._plan()
        if not plan:
            raise ConstraintFailedError("no token leads to a valid document")
        self._refused.discard(plan[0])
        mask: BoolArray = np.zeros(self._vocabulary.size, dtype=np.bool_)
        mask[plan[0]] = True
        self._follows_plan = True
        return mask

    def _plan(self) -> list[int] | None:
        """Tokens that end the document from here, within the budget."""
        if self._held is not None:
            held = self._vocabulary.segment_shortest(self._held)
            if len(held) <= self._num_left:
                return held
        found = self._ending_tokens(self._progress, self._num_left)
        self._held, self._found = self._found, None
        return found

    def _move(self, progress: ParserState, data: bytes, num_tokens: int) -> None:
        if self._found is not None:
            self._held, self._found = self._found, None
        elif self._held is not None and self._held.startswith(data):
            self._held = self._held[len(data) :]
        else:
            self._held = None
        self._progress = progress
        self._text += data
        self._num_left -= num_tokens
        self._refused.clear()
        self._follows_plan = False
        self._mask = None

    def _may_become(
        self, progress: ParserState, data: bytes, room: int, *, is_string: bool = False
    ) -> bool:
        """True if from there, with `room` tokens left, a valid document can still be reached.

        `is_string`: `data` may be the middle of a string.
        """
        self._found = None
        if self._follows_plan:
            return True
        rough_cost = progress.rough_cost
        if self._check is None:
            if rough_cost is not None and 4 * rough_cost + _SPARE_TOKENS < room:
                return True
            if progress.cost <= room:
                return True
            self.was_closed |= not progress.is_dead
            return False
        if progress.is_in_free_string and progress.cost + _SPARE_TOKENS < room:
            return True
        if self._held is not None:
            if self._held.startswith(data) and self._fits(self._held[len(data) :], room):
                return True
            if is_string and self._is_still_held(data, room):
                self._found = self._held
                return True
        if self._ending_tokens(progress, room, before=data) is not None:
            return True
        self.was_closed |= room < _SPARE_TOKENS and not progress.is_dead
        return False

    def _fits(self, text: bytes, room: int) -> bool:
        """True if the text takes at most `room` tokens; the cheap bounds first."""
        vocabulary = self._vocabulary
        return (
            len(text) <= room
            or len(vocabulary.segment(text)) <= room
            or len(vocabulary.segment_shortest(text)) <= room
        )

    def _is_still_held(self, before: bytes, room: int) -> bool:
        """True if the known ending also ends the document after `before`, which the grammar has taken:
        more characters of a string mostly change nothing."""
        assert self._held is not None
        assert self._check is not None
        if self._held_tokens is None or self._held_tokens[0] is not self._held:
            self._held_tokens = (self._held, self._vocabulary.segment(self._held))
        token_ids = self._held_tokens[1]
        return (
            len(token_ids) <= room
            and self._grammar.accepts_whole(token_ids)
            and self._check((bytes(self._text) + before + self._held).decode("utf-8", "replace"))
        )

    def _ending_tokens(
        self,
        progress: ParserState,
        room: int,
        before: bytes = b"",
    ) -> list[int] | None:
        """The tokens that end the document from there, at most `room`; None if none were found.

        The grammar has taken `before`, which is not in the text yet.
        """
        num_too_long = 0
        for ending in islice(progress.endings(), _MAX_ENDINGS):
            token_ids = self._vocabulary.segment(ending)
            is_near = not num_too_long or len(token_ids) < room + room // 8 + _TIGHT
            if room < len(token_ids) and is_near:
                token_ids = self._vocabulary.segment_shortest(ending)
            if len(token_ids) > room:
                num_too_long += 1
                if num_too_long == _MAX_TOO_LONG:
                    return None  # those that follow are hardly shorter
                continue
            if self._check is not None:
                if not self._grammar.accepts_whole(token_ids):
                    continue
                document = bytes(self._text) + before + ending
                if not self._check(document.decode("utf-8", "replace")):
                    continue
            self._found = ending
            return token_ids
        return None

    def _bytes(self, token_ids: Sequence[int]) -> bytes:
        return b"".join(self._token_bytes[token_id] for token_id in token_ids)
