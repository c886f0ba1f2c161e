"""Strings that only a length bounds, if anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from galop.grammar.characters import QUOTE, completion, end_of_characters, num_characters
from galop.grammar.leaf import Completion, CostOf, Leaf, Names, Step

_BACKSLASH = ord("\\")
_MAX_TAIL = 12
"""The ends of variants up to this size, in bytes, are tried as completions."""


@dataclass(eq=False, slots=True)
class StringLeaf(Leaf):
    """A string with its quotes."""

    min_chars: int = 0
    """Unicode characters."""
    max_chars: int | None = None
    """Unicode characters; kept by llguidance alone. None: no bound."""

    def may_begin_with(self, byte: int) -> bool:
        """See `Leaf.may_begin_with`."""
        return byte == QUOTE

    def begin(self, data: bytes, start: int, names: Names) -> Step | None:
        """See `Leaf.begin`."""
        if data[start] != QUOTE:
            return None
        return InString(self).step(data, start + 1, names)


class InString(NamedTuple):
    """A state: after the opening quote of a string."""

    leaf: StringLeaf
    pending: bytes = b""
    """The beginning of a character or escape."""
    num_chars: int = 0
    """Whole characters; counted only where there is a minimum."""

    @property
    def is_free(self) -> bool:
        """True between two characters of a string without minimum: more of them change nothing."""
        return not self.pending and not self.leaf.min_chars

    def step(self, data: bytes, start: int, names: Names) -> Step | None:
        """See `State.step`."""
        leaf, pending, num_chars = self
        if not pending and not leaf.min_chars:
            end = data.find(QUOTE, start)
            if end >= 0 and data.find(_BACKSLASH, start, end) < 0:
                return Step(end + 1, None)
        text = pending + data[start:]
        end = end_of_characters(text)
        if leaf.min_chars:
            num_chars += num_characters(text[:end])
        if text[end : end + 1] == b'"':
            return Step(start - len(pending) + end + 1, None)
        return Step(len(data), InString(leaf, text[end:], num_chars))

    def cost(self, cost_of: CostOf) -> int:
        """See `State.cost`."""
        if self.is_free:
            return cost_of(b'"')
        rest = completion(self.pending)
        return cost_of(rest + b"a" * self._num_missing + b'"')

    def completions(self, names: Names) -> Iterator[Completion]:
        """See `State.completions`: letters up to the minimum, then ends of the variants."""
        rest = completion(self.pending)
        missing = self._num_missing
        yield Completion(rest + b"a" * missing + b'"')
        yield Completion(rest + b"b" * max(1, missing) + b'"')
        yield Completion(rest + b"c" * max(1, missing) + b'"')
        for text in self.leaf.variants:
            for size in range(3, min(len(text), _MAX_TAIL + 1)):
                yield Completion(rest + text[-size:])

    @property
    def _num_missing(self) -> int:
        """Characters up to the minimum, without the one that has begun."""
        return max(0, self.leaf.min_chars - self.num_chars - bool(self.pending))
