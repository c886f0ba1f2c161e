"""Keys of members that the schema does not declare: any name, or names that match a pattern."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from galop.grammar.characters import (
    completion,
    end_of_characters,
    fresh_suffix,
    name_of,
    pending_character,
)
from galop.grammar.leaf import INFINITE, Completion, CostOf, Leaf, Names, Step, num_matching

MAX_FRESH_SUFFIX = 3
"""Letters that make any name a new one, up to 18,000 names in one object."""
_MAX_CHANGED = 4
"""So many places of a name that is taken are tried for a new one."""
_LETTERS = tuple(bytes([byte]) for byte in b"abcdefghijklmnopqrstuvwxyz0123456789")


@dataclass(eq=False, slots=True)
class KeyLeaf(Leaf):
    """A key with what precedes it and the colon. Its name is new in the object.

    `shortest` may have a name that is taken; costs are those of `MAX_FRESH_SUFFIX` letters more.
    """

    before: bytes = b'"'
    """Up to and with the opening quote."""
    after: bytes = b'":'
    """From the closing quote on."""
    taken: Names = frozenset()
    """Names that it must not have, beside those that the object has."""

    def may_begin_with(self, byte: int) -> bool:
        """See `Leaf.may_begin_with`."""
        return byte == self.before[0]

    def begin(self, data: bytes, start: int, names: Names) -> Step | None:
        """See `Leaf.begin`."""
        return InKeyOpening(self, 0).step(data, start, names)

    def cost(self, cost_of: CostOf) -> int:
        """See `Leaf.cost`."""
        return INFINITE if self.shortest is None else MAX_FRESH_SUFFIX + cost_of(self.shortest)

    def texts(self, names: Names) -> Iterator[Completion]:
        """See `Leaf.texts`."""
        for text, name in self.completions(b"", names):
            yield Completion(self.before + text, name)

    def rest_of(self, raw: bytes) -> bytes | None:
        """Few bytes that complete the name that begins with `raw`; None: unknown."""
        return completion(pending_character(raw))

    def completions(self, raw: bytes, names: Names) -> Iterator[Completion]:
        """What completes the key after its opening quote and `raw`."""
        rest = completion(pending_character(raw))
        rest += fresh_suffix(raw + rest, names | self.taken)
        yield Completion(rest + self.after, name_of(raw + rest))


@dataclass(eq=False, slots=True)
class PatternKeyLeaf(KeyLeaf):
    """A key whose name matches a pattern that only its compiled grammar knows."""

    ending: Callable[[bytes], bytes | None] = field(kw_only=True)
    """Few bytes that complete the beginning of a name; both are with their quotes. None: unknown."""

    is_searched = True

    def rest_of(self, raw: bytes) -> bytes | None:
        """See `KeyLeaf.rest_of`."""
        rest = self.ending(b'"' + raw)
        return None if rest is None else rest[:-1]

    def completions(self, raw: bytes, names: Names) -> Iterator[Completion]:
        """See `KeyLeaf.completions`: the shortest name if it is new, else one that differs a little."""
        for rest in self._rests(raw):
            name = name_of(raw + rest)
            if name not in names:
                yield Completion(rest + self.after, name)
                return

    def _rests(self, raw: bytes) -> Iterator[bytes]:
        """Rests of names: the shortest, then with another letter at its end or near to it."""
        shortest = self.rest_of(raw)
        if shortest is None:
            return
        yield shortest
        size = len(shortest)
        for kept in range(size, max(-1, size - _MAX_CHANGED), -1):
            for letter in _LETTERS:
                beginning = shortest[:kept] + letter
                rest = self.rest_of(raw + beginning)
                if rest is not None:
                    yield beginning + rest


class InKeyOpening(NamedTuple):
    """A state: before the name of a key."""

    leaf: KeyLeaf
    offset: int
    """Bytes of `leaf.before` that have come."""

    def step(self, data: bytes, start: int, names: Names) -> Step | None:
        """See `State.step`."""
        leaf, offset = self
        size = num_matching(leaf.before, offset, data[start:])
        if size is None:
            return None
        if offset + size == len(leaf.before):
            return InKeyName(leaf, b"").step(data, start + size, names)
        return Step(start + size, InKeyOpening(leaf, offset + size))

    def cost(self, cost_of: CostOf) -> int:
        """See `State.cost`."""
        shortest = self.leaf.shortest
        if shortest is None:
            return INFINITE
        return MAX_FRESH_SUFFIX + cost_of(shortest[self.offset :])

    def completions(self, names: Names) -> Iterator[Completion]:
        """See `State.completions`."""
        for text, name in self.leaf.texts(names):
            yield Completion(text[self.offset :], name)


class InKeyName(NamedTuple):
    """A state: after the opening quote of a key."""

    leaf: KeyLeaf
    raw: bytes
    """The name so far, as it is written."""

    @property
    def is_free(self) -> bool:
        """True between two characters of any name: with more of them it is ended in the same way."""
        return not self.leaf.is_searched and not pending_character(self.raw)

    def step(self, data: bytes, start: int, names: Names) -> Step | None:
        """See `State.step`. A name that is taken does not fit."""
        raw = self.raw + data[start:]
        end = end_of_characters(raw)
        if raw[end : end + 1] != b'"':
            return Step(len(data), InKeyName(self.leaf, raw))
        name = name_of(raw[:end])
        if name in names or name in self.leaf.taken:
            return None
        return InKeyClosing(self.leaf, name, 0).step(data, start + end - len(self.raw), names)

    def cost(self, cost_of: CostOf) -> int:
        """See `State.cost`."""
        rest = self.leaf.rest_of(self.raw)
        return INFINITE if rest is None else MAX_FRESH_SUFFIX + cost_of(rest + self.leaf.after)

    def completions(self, names: Names) -> Iterator[Completion]:
        """See `State.completions`."""
        return self.leaf.completions(self.raw, names)


class InKeyClosing(NamedTuple):
    """A state: after the name of a key."""

    leaf: KeyLeaf
    name: bytes
    offset: int
    """Bytes of `leaf.after` that have come."""

    def step(self, data: bytes, start: int, names: Names) -> Step | None:
        """See `State.step`."""
        leaf, name, offset = self
        size = num_matching(leaf.after, offset, data[start:])
        if size is None:
            return None
        if offset + size == len(leaf.after):
            return Step(start + size, None, name)
        return Step(start + size, InKeyClosing(leaf, name, offset + size))

    def cost(self, cost_of: CostOf) -> int:
        """See `State.cost`."""
        return cost_of(self.leaf.after[self.offset :])

    def completions(self, names: Names) -> Iterator[Completion]:
        """See `State.completions`."""
        yield Completion(self.leaf.after[self.offset :], self.name)
