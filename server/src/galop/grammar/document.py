"""One document within a budget: the constraint of schemas and of calls.

llguidance says which tokens the grammar allows. Beside it goes `ParserState`, which knows what ending
the document costs. A token is taken only if an ending is known to fit into the budget after it. Where
the rules do not say all that the schema does, that ending has been checked together with the text
before it, whatever the budget. So there is always a way to a valid document; if no
token is proven safe, the ending that is held is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from itertools import islice

import numpy as np

from galop.grammar.compiled_schema import CompiledSchema
from galop.grammar.costs import Costs
from galop.grammar.leaf import INFINITE, Leaf
from galop.grammar.matcher import GrammarConstraint
from galop.grammar.parser_state import ParserState
from galop.grammar.vocabulary import BoolArray, Vocabulary
from galop.protocol.errors import BudgetTooSmallError, ConstraintFailedError, NoDocumentError

_MAX_ENDINGS = 48
"""Endings that are tried before a token is refused."""
_MAX_FIRST_ENDINGS = 500
"""The same for the smallest document."""
_MAX_TOO_LONG = 3
_TIGHT = 4
"""Tokens over the budget by which it is worth looking for a shorter way to write the same."""
_RESERVE = 4
"""Tokens that must be left for what a token begins, beyond its ending: a member that would have to end
at once is worse than none."""
_MOST_PENDING = 16
"""Tokens that the beginning of a character or escape may add to an ending, at most."""
_MAX_REFUSALS = 4
"""After so many refused tokens at one place the held ending is followed instead."""


class DocumentPlan:
    """What all documents of one schema share, for one vocabulary."""

    def __init__(
        self, schema: CompiledSchema, vocabulary: Vocabulary, *, is_checked: bool = True
    ) -> None:
        self.check = schema.is_valid if is_checked and not schema.is_exact else None
        """What documents must satisfy beyond the rules, if anything."""
        self.vocabulary = vocabulary
        self.costs = Costs(schema.rules, vocabulary.cost_of)
        symbols = [each for rule in schema.rules for some in rule.sequences for each in some]
        self.is_always_cheap = not any(isinstance(s, Leaf) and s.is_searched for s in symbols)
        """True if no leaf has to be searched for what ends it."""
        self.smallest: list[int] | None = None
        """The tokens of the smallest document, once one has been looked for."""


class _Ending:
    """A text that ends the document, and its tokens."""

    __slots__ = ("_token_ids", "_vocabulary", "text")

    def __init__(
        self, text: bytes, vocabulary: Vocabulary, token_ids: list[int] | None = None
    ) -> None:
        self.text = text
        self._vocabulary = vocabulary
        self._token_ids = token_ids

    @property
    def token_ids(self) -> list[int]:
        """Not always the fewest."""
        if self._token_ids is None:
            self._token_ids = self._vocabulary.segment(self.text)
        return self._token_ids

    def shorten(self) -> list[int]:
        """The fewest tokens that make up the text."""
        self._token_ids = self._vocabulary.segment_shortest(self.text)
        return self._token_ids

    def fits(self, room: int) -> bool:
        """True if the text takes at most `room` tokens; the cheap bounds first."""
        return len(self.text) <= room or len(self.token_ids) <= room or len(self.shorten()) <= room

    def after(self, data: bytes) -> _Ending:
        """What is left of it when `data`, its beginning, has been written."""
        return _Ending(self.text[len(data) :], self._vocabulary)


class _Vouched(Enum):
    """An ending exists, though nobody has written it down."""

    BY_COST = "the costs of the rules are exact, and the cheapest ending fits"


_Proof = _Ending | _Vouched


class DocumentConstraint:
    """Implements `engine.constraint.TokenConstraint`.

    Raises `BudgetTooSmallError` if no valid document fits into `budget_tokens`, and
    `NoDocumentError` if none was found at all.
    """

    def __init__(self, grammar: GrammarConstraint, plan: DocumentPlan, budget_tokens: int) -> None:
        self.closed_by_budget = False
        """True once the budget has refused a token or forced one: the document is cut short."""
        self._grammar = grammar
        self._vocabulary = plan.vocabulary
        self._token_bytes = plan.vocabulary.token_bytes
        self._keeps_string = plan.vocabulary.keeps_string_bytes
        self._has_quote = plan.vocabulary.has_quote_bytes
        self._check = plan.check
        self._state = ParserState.start(plan.costs)
        self._is_exact = plan.check is None and plan.is_always_cheap
        """True where costs alone say whether a document can be ended."""
        self._num_free = 0
        """Tokens of text that may come without another look: in strings and keys, where the rules say
        all."""
        self._unread = b""
        """What has come of a key or string after `_state`, where that may make a difference."""
        self._text = bytearray()
        """What there is of a document that has to be checked."""
        self._num_left = budget_tokens
        self._refused: set[int] = set()
        self._only: int | None = None
        """The one token that may come here: the first one of the held ending."""
        self._rest: list[int] | None = None
        """All that may still come, once the grammar has failed."""
        self._mask: BoolArray | None = None
        if plan.smallest is None:
            plan.smallest = self._smallest()
        if len(plan.smallest) > budget_tokens:
            raise BudgetTooSmallError(
                num_tokens_needed=len(plan.smallest), num_tokens=budget_tokens
            )
        self._held: _Proof = _Ending(self._bytes(plan.smallest), plan.vocabulary, plan.smallest)

    def __repr__(self) -> str:
        return f"<DocumentConstraint {self._num_left} left, {self._state.cost} to close>"

    @property
    def is_complete(self) -> bool:
        """True once nothing may follow."""
        if self._rest is not None:
            return not self._rest
        return self._grammar.is_stopped

    @property
    def can_end(self) -> bool:
        """True where the text so far is a valid document."""
        if self._rest is not None:
            return not self._rest
        if not self._grammar.is_accepting:
            return False
        return self._is_valid(bytes(self._text))

    def try_accept(self, token_id: int) -> bool:
        """See `TokenConstraint.try_accept`."""
        if self._rest is not None:
            return self._take_rest(token_id)
        if self._only is not None and token_id != self._only:
            return False
        try:
            if self._num_free > _MOST_PENDING:
                if not self._has_quote[token_id]:
                    return self._try_accept_text(token_id)
            elif self._num_free > 0 and self._keeps_string[token_id] and not self._unread:
                return self._try_accept_text(token_id)
            return self._try_accept(token_id)
        except ConstraintFailedError:
            self._abandon_grammar()
            return self._take_rest(token_id)

    def allowed_mask(self) -> BoolArray:
        """See `TokenConstraint.allowed_mask`. Tokens that were refused here are not in it."""
        if self._mask is None:
            self._mask = self._new_mask()
        return self._mask

    def forced_tokens(self) -> list[int]:
        """What the grammar forces, if that fits; the whole ending where nothing else fits."""
        if self._num_free > (_MOST_PENDING if self._unread else 0):
            return []
        if self._rest is None:
            try:
                return self._forced_tokens()
            except ConstraintFailedError:
                self._abandon_grammar()
        forced, self._rest = self._rest or [], []
        return forced

    def resume(self, data: bytes) -> None:
        """Go on after the beginning of a document that the grammar is known to allow."""
        if data:
            self._grammar.accept_all(self._vocabulary.segment(data))
            self._move(self._state.advance(data), data, 0, _Vouched.BY_COST)

    def ending(self) -> bytes | None:
        """A short text that makes the document whole and valid; None if none was found."""
        if isinstance(self._held, _Ending):
            return self._held.text
        if self._unread:
            self._catch_up()
        found = self._find_ending(self._state, b"", INFINITE)
        return None if found is None else found.text

    def _smallest(self) -> list[int]:
        for text in islice(self._state.endings(), _MAX_FIRST_ENDINGS):
            if self._check is None:
                return self._vocabulary.segment_shortest(text)
            if self._is_valid(text):
                token_ids = self._vocabulary.segment_shortest(text)
                if self._grammar.accepts_whole(token_ids):
                    return token_ids
        raise NoDocumentError

    def _try_accept_text(self, token_id: int) -> bool:
        """A token without a quote, inside of a string or key. Most are of this kind, and leave it open."""
        if not self._grammar.try_accept(token_id):
            return False
        self._num_left -= 1
        self._num_free -= 1
        if self._unread or not (self._keeps_string[token_id] and self._state.is_in_free_string):
            self._unread += self._token_bytes[token_id]
        if self._refused:
            self._refused.clear()
        self._only = self._mask = None
        return True

    def _catch_up(self) -> None:
        """Read what has come of a key or string."""
        self._state = self._state.advance(self._unread)
        self._unread = b""

    def _try_accept(self, token_id: int) -> bool:
        if not self._grammar.try_accept(token_id):
            return False
        if self._unread:
            self._catch_up()
        data = self._token_bytes[token_id]
        state = self._state
        if self._is_exact:
            state = state.advance(data)
            if not state.is_dead and state.cost + _RESERVE < self._num_left:
                self._move(state, data, 1, _Vouched.BY_COST)
                return True
            keeps_string = False
        else:
            keeps_string = bool(self._keeps_string[token_id])
            if not (state.is_in_free_string and keeps_string):
                state = state.advance(data)
        proof = self._prove(state, data, self._num_left - 1, is_string=keeps_string)
        if proof is not None:
            self._move(state, data, 1, proof)
            return True
        self._grammar.undo(1)
        self._refused.add(token_id)
        self._mask = None
        return False

    def _forced_tokens(self) -> list[int]:
        if self._unread:
            self._catch_up()
        forced = [] if self._state.forces_nothing else self._grammar.peek_forced()
        if forced and not self._try_accept_all(forced):
            forced = []
        if self._is_room_used_up() and not self.is_complete:
            forced += self._force_ending()
        return forced

    def _is_room_used_up(self) -> bool:
        """True if no ending is cheaper than the budget, and there is one to be written."""
        held = self._held
        if held is not _Vouched.BY_COST and held.fits(self._num_left - 1):
            return False
        return self._state.cost >= self._num_left > 0

    def _try_accept_all(self, token_ids: list[int]) -> bool:
        data = self._bytes(token_ids)
        state = self._state.advance(data)
        self._grammar.accept_all(token_ids)
        proof = self._prove(state, data, self._num_left - len(token_ids))
        if proof is None:
            self._grammar.undo(len(token_ids))
            return False
        self._move(state, data, len(token_ids), proof)
        return True

    def _new_mask(self) -> BoolArray:
        if self._rest is None and self._only is None:
            try:
                mask = self._grammar.allowed_mask()
            except ConstraintFailedError:
                self._abandon_grammar()
            else:
                for token_id in (*self._vocabulary.end_ids, *self._refused):
                    mask[token_id] = False  # whether it may end is asked by `can_end`
                if len(self._refused) < _MAX_REFUSALS and mask.any():
                    return mask
                self._follow_ending()
        mask = np.zeros(self._vocabulary.size, dtype=np.bool_)
        only = self._rest[0] if self._rest else self._only
        if only is not None:
            mask[only] = True
        return mask

    def _follow_ending(self) -> None:
        """Allow nothing here but the next token of the held ending, or the end."""
        token_ids = self._ending_in_budget()
        if token_ids:
            self._only = token_ids[0]
            self._refused.discard(self._only)

    def _force_ending(self) -> list[int]:
        token_ids = list(self._ending_in_budget())
        data = self._bytes(token_ids)
        self._grammar.accept_all(token_ids)
        end = _Ending(b"", self._vocabulary)
        self._move(self._state.advance(data), data, len(token_ids), end)
        self.closed_by_budget = True
        return token_ids

    def _abandon_grammar(self) -> None:
        """Go on without llguidance, which has failed: only the known ending is written."""
        self._rest = list(self._ending_in_budget())
        self._mask = None

    def _take_rest(self, token_id: int) -> bool:
        if not self._rest or self._rest[0] != token_id:
            return False
        del self._rest[0]
        self._mask = None
        return True

    def _ending_in_budget(self) -> list[int]:
        """The tokens of the held ending; they fit into the budget."""
        if self._unread:
            self._catch_up()
        held = self._held
        if isinstance(held, _Vouched):
            found = self._find_ending(self._state, b"", self._num_left)
            if found is None:
                raise ConstraintFailedError("no ending was found")
            self._held = held = found
        return held.token_ids if len(held.token_ids) <= self._num_left else held.shorten()

    def _move(self, state: ParserState, data: bytes, num_tokens: int, held: _Proof) -> None:
        self._held = held
        self._state = state
        num_left = self._num_left = self._num_left - num_tokens
        if self._check is not None:
            self._text += data
        elif state.is_in_free_text:
            self._held = _Vouched.BY_COST
            self._num_free = num_left - state.cost
        else:
            self._num_free = 0
        if self._refused:
            self._refused.clear()
        self._only = self._mask = None

    def _prove(
        self, state: ParserState, data: bytes, room: int, *, is_string: bool = False
    ) -> _Proof | None:
        """What shows that the document can be ended there with `room` tokens; None if nothing does.

        The grammar has taken `data`, and `state` is the place after it. `is_string`: it may be
        the middle of a string, so that the held ending is likely to remain one.
        """
        held = self._held
        if held is not _Vouched.BY_COST and held.text.startswith(data):
            rest = held.after(data)
            if rest.fits(room):
                return rest
        if state.is_dead:
            return None  # a name that the object has already, or a number that is too long
        if self._is_exact or (self._check is None and not state.is_searched):
            cost = state.cost
            if cost + _RESERVE <= room:
                return _Vouched.BY_COST
            begins = cost > self._state.cost and not data.isspace()
            if cost <= room and not begins:
                return _Vouched.BY_COST
            self.closed_by_budget |= cost < INFINITE
            return None
        if is_string and held is not _Vouched.BY_COST and self._still_ends(held, state, data, room):
            return held
        return self._find_ending(state, data, room, is_deciding=True)

    def _still_ends(self, ending: _Ending, state: ParserState, data: bytes, room: int) -> bool:
        """True if it also ends the document after `data`: more of a string mostly changes nothing."""
        if not ending.fits(room):
            return False
        if state is not self._state or not state.is_in_endless_string:
            is_read = state.is_in_free_string or state.advance(ending.text).is_whole
            if not is_read or not self._grammar.accepts_whole(ending.token_ids):
                return False
        return self._is_valid(self._text + data + ending.text)

    def _find_ending(
        self, state: ParserState, data: bytes, room: int, *, is_deciding: bool = False
    ) -> _Ending | None:
        """An ending after `data`, which the grammar has taken, of at most `room` tokens.

        `is_deciding`: whether `data` may come depends on it. Then it counts as the budget's doing if
        there is one that is only too long.
        """
        num_too_long = 0
        for text in islice(state.endings(), _MAX_ENDINGS):
            ending = _Ending(text, self._vocabulary)
            num_tokens = len(ending.token_ids)
            is_near = not num_too_long or num_tokens < room + room // 8 + _TIGHT
            if room < num_tokens and is_near:
                num_tokens = len(ending.shorten())
            is_short = num_tokens <= room
            if (is_short or is_deciding) and self._is_whole(data, ending):
                if is_short:
                    return ending
                self.closed_by_budget = True
                is_deciding = False
            num_too_long += not is_short
            if num_too_long == _MAX_TOO_LONG:
                return None  # those that follow are hardly shorter
        return None

    def _is_whole(self, data: bytes, ending: _Ending) -> bool:
        if self._check is None:
            return True
        return self._grammar.accepts_whole(ending.token_ids) and self._is_valid(
            self._text + data + ending.text
        )

    def _is_valid(self, document: bytes | bytearray) -> bool:
        return self._check is None or self._check(document.decode("utf-8", "replace"))

    def _bytes(self, token_ids: Sequence[int]) -> bytes:
        return b"".join(self._token_bytes[token_id] for token_id in token_ids)
