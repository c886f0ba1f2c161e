"""Texts that end a document: a best-first search over stacks (A*; a stack's cost is the estimate)."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import count

from galop.grammar.configuration import Configuration, InChoice
from galop.grammar.leaf import INFINITE, CostOf
from galop.grammar.rules import Rule
from galop.grammar.stack import Stack

_DEVIATION = 2
"""Added to the cost per rank of a text among those of its leaf: endings that differ from the cheapest
one in one place come before those that differ in several."""


def endings(
    configurations: Iterable[Configuration], cost_of: CostOf, max_steps: int
) -> Iterator[bytes]:
    """Different texts that end the document, roughly the cheapest first.

    Ends after `max_steps` steps of the search, or when all that the leaves know has been found.
    """
    search = _Search(cost_of)
    for configuration in configurations:
        deviation = 0 if isinstance(configuration.state, InChoice) else _DEVIATION
        for rank, (text, stack) in enumerate(configuration.completions()):
            search.push(cost_of(text) + rank * deviation, text, stack)
    return search.run(max_steps)


class _Search:
    def __init__(self, cost_of: CostOf) -> None:
        self._cost_of = cost_of
        self._order = count(0, -1)
        self._heap: list[tuple[int, int, bytes, Stack | None]] = []
        """Least cost of the whole ending; of equal ones, the last pushed first; the text so far; what
        is to come."""

    def push(self, spent: int, text: bytes, stack: Stack | None) -> None:
        """Add a text of cost `spent`, which the symbols of `stack` complete."""
        total = spent + (stack.cost if stack else 0)
        if total < INFINITE:
            heapq.heappush(self._heap, (total, next(self._order), text, stack))

    def run(self, max_steps: int) -> Iterator[bytes]:
        """The texts, once each."""
        given: set[bytes] = set()
        for _ in range(max_steps):
            if not self._heap:
                return
            total, _, text, stack = heapq.heappop(self._heap)
            if stack is not None:
                self._expand(total - stack.cost, text, stack)
            elif text not in given:
                given.add(text)
                yield text

    def _expand(self, spent: int, text: bytes, stack: Stack) -> None:
        """Push what the symbol at the top can be."""
        top = stack.top
        if isinstance(top, Rule):
            for alternative in stack.alternatives(top):
                self.push(spent, text, stack.replace(alternative))
        elif isinstance(top, bytes):
            self.push(spent + self._cost_of(top), text + top, stack.pop())
        else:
            for rank, (whole, name) in enumerate(top.texts(stack.names)):
                cost = self._cost_of(whole) + rank * _DEVIATION
                after = stack.pop() if name is None else stack.pop_key(name)
                self.push(spent + cost, text + whole, after)
