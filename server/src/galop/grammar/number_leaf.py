"""Numbers without bounds of their value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from galop.grammar.leaf import Completion, CostOf, Leaf, Names, Step

MAX_NUMBER_BYTES = 64
"""The size of a number. Python refuses integers of more than 4,300 digits, and models can write digits
without end."""
_NUMBER = re.compile(rb"[0-9+\-.eE]*+")
FIRST_NUMBER_BYTES = b"-0123456789"


def end_of_number(data: bytes, start: int) -> int:
    """The index of the first byte from `start` on that is not of a number."""
    found = _NUMBER.match(data, start)
    assert found is not None, "no byte at all is a match"
    return found.end()


@dataclass(eq=False, slots=True)
class NumberLeaf(Leaf):
    """A number. It ends before the first byte that cannot belong to one."""

    def may_begin_with(self, byte: int) -> bool:
        """See `Leaf.may_begin_with`."""
        return byte in FIRST_NUMBER_BYTES

    def begin(self, data: bytes, start: int, names: Names) -> Step | None:
        """See `Leaf.begin`."""
        if data[start] not in FIRST_NUMBER_BYTES:
            return None
        return InNumber(b"").step(data, start, names)


class InNumber(NamedTuple):
    """A state: after the beginning of a number, or after all of it."""

    text: bytes

    def step(self, data: bytes, start: int, names: Names) -> Step | None:
        """See `State.step`."""
        end = end_of_number(data, start)
        if len(self.text) + end - start > MAX_NUMBER_BYTES:
            return None
        if end < len(data):
            return Step(end, None)
        return Step(end, InNumber(self.text + data[start:]))

    def cost(self, cost_of: CostOf) -> int:
        """See `State.cost`."""
        return 0 if self._is_whole else cost_of(b"0")

    def completions(self, names: Names) -> Iterator[Completion]:
        """See `State.completions`: the number as it is if it is one, then with one digit more."""
        yield Completion(b"" if self._is_whole else b"0")
        if self.text not in (b"0", b"-0"):
            yield from (Completion(digit) for digit in (b"1", b"2", b"3"))

    @property
    def _is_whole(self) -> bool:
        return self.text[-1:].isdigit()
