"""Strings and numbers with a pattern, a format or bounds, which only their compiled grammar knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from galop.grammar.characters import QUOTE, end_of_characters
from galop.grammar.leaf import INFINITE, Completion, CostOf, Leaf, Names, Step
from galop.grammar.number_leaf import FIRST_NUMBER_BYTES, MAX_NUMBER_BYTES, end_of_number


@dataclass(eq=False, slots=True)
class LexemeLeaf(Leaf):
    """A string or number; the subclasses know where it ends."""

    is_searched = True

    ending: Callable[[bytes], bytes | None] = field(kw_only=True)
    """Few bytes that complete the beginning of a text of it; None: unknown."""


@dataclass(eq=False, slots=True)
class StringLexemeLeaf(LexemeLeaf):
    """A string with its quotes."""

    def may_begin_with(self, byte: int) -> bool:
        """See `Leaf.may_begin_with`."""
        return byte == QUOTE

    def begin(self, data: bytes, start: int, names: Names) -> Step | None:
        """See `Leaf.begin`."""
        if data[start] != QUOTE:
            return None
        return InStringLexeme(self, b'"').step(data, start + 1, names)


@dataclass(eq=False, slots=True)
class NumberLexemeLeaf(LexemeLeaf):
    """A number. It ends before the first byte that cannot belong to one."""

    def may_begin_with(self, byte: int) -> bool:
        """See `Leaf.may_begin_with`."""
        return byte in FIRST_NUMBER_BYTES

    def begin(self, data: bytes, start: int, names: Names) -> Step | None:
        """See `Leaf.begin`."""
        if data[start] not in FIRST_NUMBER_BYTES:
            return None
        return InNumberLexeme(self, b"").step(data, start, names)


class InStringLexeme(NamedTuple):
    """A state: after the opening quote of a string."""

    leaf: LexemeLeaf
    text: bytes
    """What has come, with the opening quote."""

    def step(self, data: bytes, start: int, names: Names) -> Step | None:
        """See `State.step`."""
        text = self.text + data[start:]
        end = 1 + end_of_characters(text[1:])
        if text[end : end + 1] == b'"':
            return Step(start + end + 1 - len(self.text), None)
        return Step(len(data), InStringLexeme(self.leaf, text))

    def cost(self, cost_of: CostOf) -> int:
        """See `State.cost`."""
        rest = self.leaf.ending(self.text)
        return INFINITE if rest is None else cost_of(rest)

    def completions(self, names: Names) -> Iterator[Completion]:
        """See `State.completions`."""
        rest = self.leaf.ending(self.text)
        if rest is not None:
            yield Completion(rest)


class InNumberLexeme(NamedTuple):
    """A state: after the beginning of a number, or after all of it."""

    leaf: LexemeLeaf
    text: bytes

    def step(self, data: bytes, start: int, names: Names) -> Step | None:
        """See `State.step`."""
        end = end_of_number(data, start)
        if len(self.text) + end - start > MAX_NUMBER_BYTES:
            return None
        if end < len(data):
            return Step(end, None)
        return Step(end, InNumberLexeme(self.leaf, self.text + data[start:]))

    def cost(self, cost_of: CostOf) -> int:
        """See `State.cost`."""
        rest = self._rest()
        return INFINITE if rest is None else cost_of(rest)

    def completions(self, names: Names) -> Iterator[Completion]:
        """See `State.completions`."""
        rest = self._rest()
        if rest is not None:
            yield Completion(rest)

    def _rest(self) -> bytes | None:
        rest = self.leaf.ending(self.text)
        if rest is None or len(self.text) + len(rest) > MAX_NUMBER_BYTES:
            return None
        return rest
