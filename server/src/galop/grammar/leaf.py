"""The interface of leaves: terminals of the grammar whose texts a regular expression describes.

A leaf says what may begin it and what a whole text of it is. A state says the same from a point inside
of a leaf. Both are immutable, deterministic, and know neither rules nor tokens. They trust that
llguidance has let the bytes through: they find out where the leaf ends, and refuse only what
llguidance cannot see (a name twice in an object, a number that is too long).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, Protocol

INFINITE = 1 << 40
"""The cost of what cannot be ended."""

CostOf = Callable[[bytes], int]
"""The cost of a literal text: the number of its tokens."""
Names = frozenset[bytes]
"""Names of members that the innermost object has already, as UTF-8."""


class Step(NamedTuple):
    """What a leaf has taken of some data."""

    end: int
    """Index of the first byte of the data that was not taken."""
    state: State | None
    """Where inside the leaf the text is then, with all data taken; None: the leaf is complete."""
    name: bytes | None = None
    """Of a complete key: the name of the member."""


class Completion(NamedTuple):
    """A text that completes a leaf."""

    text: bytes
    name: bytes | None = None
    """Of a key: the name of the member."""


class State(Protocol):
    """A point inside of a symbol, after at least one byte of it. Hashable."""

    def step(self, data: bytes, start: int, names: Names) -> Step | None:
        """Take what belongs to the symbol from `data[start:]`; None if it does not fit."""

    def cost(self, cost_of: CostOf) -> int:
        """The cost of the cheapest known completion, `INFINITE` if there is none."""

    def completions(self, names: Names) -> Iterable[Completion]:
        """Texts that complete the symbol, roughly the shortest first."""


@dataclass(eq=False, slots=True)
class Leaf(ABC):
    """A terminal. Compared by identity."""

    lark: str
    """The body of a Lark terminal or nonterminal, or `%json {...}`."""
    shortest: bytes | None
    """The shortest known text of it; None if none is known."""
    variants: tuple[bytes, ...] = ()
    """Other texts of it, for documents in which the shortest one is out of place."""
    _texts: tuple[Completion, ...] = field(init=False)
    """The shortest one and its variants, each once."""

    is_searched: ClassVar[bool] = False
    """True where states inside of it ask a compiled grammar, which may take milliseconds."""

    def __post_init__(self) -> None:
        known = dict.fromkeys((self.shortest, *self.variants))
        self._texts = tuple(Completion(text) for text in known if text is not None)

    @abstractmethod
    def may_begin_with(self, byte: int) -> bool:
        """False if no text of the leaf begins with the byte."""

    @abstractmethod
    def begin(self, data: bytes, start: int, names: Names) -> Step | None:
        """Take what belongs to the leaf from `data[start:]`, which is not empty."""

    def cost(self, cost_of: CostOf) -> int:
        """The cost of the cheapest known text, `INFINITE` if there is none."""
        return INFINITE if self.shortest is None else cost_of(self.shortest)

    def texts(self, names: Names) -> Iterable[Completion]:
        """Whole texts of the leaf, roughly the shortest first."""
        return self._texts


def num_matching(literal: bytes, offset: int, rest: bytes) -> int | None:
    """How much `literal[offset:]` and `rest` have in common: all of the shorter one, else None."""
    if literal.startswith(rest, offset):
        return len(rest)
    missing = literal[offset:]
    return len(missing) if rest.startswith(missing) else None


class InLiteral(NamedTuple):
    """A state: inside of a literal text, the simplest symbol of a grammar."""

    literal: bytes
    offset: int
    """Bytes of the literal that have come; at least one is missing."""

    def step(self, data: bytes, start: int, names: Names) -> Step | None:
        """See `State.step`."""
        literal, offset = self
        size = num_matching(literal, offset, data[start:])
        if size is None:
            return None
        if offset + size == len(literal):
            return Step(start + size, None)
        return Step(start + size, InLiteral(literal, offset + size))

    def cost(self, cost_of: CostOf) -> int:
        """See `State.cost`."""
        return cost_of(self.literal[self.offset :])

    def completions(self, names: Names) -> Iterator[Completion]:
        """See `State.completions`."""
        yield Completion(self.literal[self.offset :])
