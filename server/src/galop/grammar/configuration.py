"""One reading of a text: a configuration of the automaton, which is a stack and a place in its top."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from galop.grammar.costs import Alternative
from galop.grammar.leaf import CostOf, State
from galop.grammar.stack import Stack


class InChoice(NamedTuple):
    """Inside of the first literal of several alternatives, all of which begin with the same bytes.

    An object with a thousand optional members has one configuration, not a thousand.
    """

    alternatives: tuple[Alternative, ...]
    """At least one; each begins with a literal that is longer than `text`."""
    text: bytes
    """What has come of the literals."""

    def literals(self) -> Iterator[tuple[Alternative, bytes]]:
        """The alternatives, each with its literal."""
        for alternative in self.alternatives:
            literal = alternative.symbols[0]
            assert isinstance(literal, bytes)
            yield alternative, literal

    def cost(self, cost_of: CostOf) -> int:
        """The cost of the cheapest alternative from here."""
        size = len(self.text)
        return min(
            cost_of(literal[size:]) + alternative.suffix_costs[1]
            for alternative, literal in self.literals()
        )


class Configuration(NamedTuple):
    """One reading of a text. Immutable; equal ones read all that follows in the same way."""

    stack: Stack | None
    """What is to come; None: the document is whole."""
    state: State | InChoice | None = None
    """Where in the symbol at the top of the stack the text is; None: before it."""

    @property
    def cost(self) -> int:
        """Of the cheapest ending of the document; `INFINITE` or more if none is known."""
        stack, state = self
        if stack is None:
            return 0
        if state is None:
            return stack.cost
        return stack.cost_after_top + state.cost(stack.alternative.costs.cost_of)

    def completions(self) -> Iterator[tuple[bytes, Stack | None]]:
        """Texts that complete the symbol which has begun, and what follows each."""
        stack, state = self
        if stack is None or state is None:
            yield b"", stack
        elif isinstance(state, InChoice):
            # Of those that cost the same, the search takes the last one first.
            for alternative, literal in reversed(tuple(state.literals())):
                yield literal[len(state.text) :], stack.replace_literal(alternative)
        else:
            for text, name in state.completions(stack.names):
                yield text, stack.pop() if name is None else stack.pop_key(name)
