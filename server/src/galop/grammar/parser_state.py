"""The state of a nondeterministic pushdown automaton that reads a document beside llguidance.

It finds what llguidance does not tell: what ending the document costs from here, and which texts end
it. The theory is in the docstring of the package.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from galop.grammar.configuration import Configuration, InChoice
from galop.grammar.costs import Alternative, Costs
from galop.grammar.endings import endings
from galop.grammar.key_leaf import InKeyClosing, InKeyName
from galop.grammar.leaf import INFINITE, InLiteral, Leaf, State
from galop.grammar.number_leaf import InNumber
from galop.grammar.rules import Rule
from galop.grammar.stack import Stack
from galop.grammar.string_leaf import InString

MAX_DEPTH = 400
"""Size of a stack: about two per container. Python's json stops at 1,000 containers."""
_TEXT = (InString, InKeyName)
"""States between the quotes of a string or key."""
_MAX_CONFIGURATIONS = 4096
"""An object with so many optional members that begin alike has as many."""


class ParserState:
    """All readings of the text so far. Immutable, but for what it remembers of its costs."""

    __slots__ = ("_cost", "_costs", "_is_in_free_string", "configurations")

    def __init__(self, configurations: tuple[Configuration, ...], costs: Costs) -> None:
        self.configurations = configurations
        """Without duplicates. Empty: the text is not the beginning of a document."""
        self._costs = costs
        self._cost: int | None = None
        self._is_in_free_string: bool | None = None

    @classmethod
    def start(cls, costs: Costs) -> ParserState:
        """Before the first byte of a document."""
        return cls((Configuration(Stack.start(costs)),), costs)

    @property
    def is_dead(self) -> bool:
        """True if the text is not the beginning of a document."""
        return not self.configurations

    @property
    def is_whole(self) -> bool:
        """True if the text is a whole document in one of its readings."""
        return any(stack is None for stack, _ in self.configurations)

    @property
    def is_searched(self) -> bool:
        """True inside of a leaf whose endings a compiled grammar is asked for."""
        return self.rough_cost is not None

    @property
    def is_in_free_string(self) -> bool:
        """True between two characters of a string without minimum: more of them change nothing."""
        if self._is_in_free_string is None:
            self._is_in_free_string = bool(self.configurations)
            for _, state in self.configurations:
                if not isinstance(state, InString) or not state.is_free:
                    self._is_in_free_string = False
        return self._is_in_free_string

    @property
    def is_in_free_text(self) -> bool:
        """The same inside of a free string or a key of any name: more of them do not change the cost."""
        for _, state in self.configurations:
            if not isinstance(state, _TEXT) or not state.is_free:
                return False
        return bool(self.configurations)

    @property
    def is_in_endless_string(self) -> bool:
        """True if the string has no maximum either: what ends it here ends it anywhere."""
        if not self.is_in_free_string:
            return False
        states = (state for _, state in self.configurations)
        return all(isinstance(each, InString) and each.leaf.max_chars is None for each in states)

    @property
    def forces_nothing(self) -> bool:
        """True where it is plain that no token is forced: several bytes may come, or one byte alone.

        Vocabularies of text have tokens of a space or a bracket together with what follows it.
        """
        for stack, state in self.configurations:
            if stack is None:
                return len(self.configurations) == 1
            if state is None:
                if isinstance(stack.top, Rule) and stack.choice(stack.top).is_open:
                    return True
            elif isinstance(state, InString):
                if state.leaf.max_chars is None:  # else its quote is forced at the maximum
                    return True
            elif isinstance(state, InKeyName):
                if not state.leaf.is_searched:
                    return True
            elif isinstance(state, InKeyClosing):
                if len(state.leaf.after) - state.offset == 1:
                    return True
            elif isinstance(state, InLiteral):
                if len(state.literal) - state.offset == 1 and _is_open_below(stack):
                    return True
            elif isinstance(state, InNumber):
                return True
        return False

    @property
    def cost(self) -> int:
        """The cost of the cheapest ending; `INFINITE` if none is known."""
        if self._cost is None:
            self._cost = INFINITE
            for configuration in self.configurations:
                self._cost = min(self._cost, configuration.cost)
        return self._cost

    @property
    def rough_cost(self) -> int | None:
        """Inside of a leaf that must be searched: the cost as if it had not begun. Else None."""
        for stack, state in self.configurations:
            if stack is not None and state is not None:
                top = stack.top
                if isinstance(top, Leaf) and top.is_searched:
                    return stack.cost
        return None

    def advance(self, data: bytes) -> ParserState:
        """The state after more bytes."""
        found = _Run(data).take(self.configurations)
        if len(found) > _MAX_CONFIGURATIONS:
            found = heapq.nsmallest(_MAX_CONFIGURATIONS, found, key=lambda each: each.cost)
        return ParserState(tuple(found), self._costs)

    def endings(self, max_steps: int = 2000) -> Iterator[bytes]:
        """Texts that end the document from here, roughly the cheapest first: see `endings`."""
        return endings(self.configurations, self._costs.cost_of, max_steps)


class _Way(NamedTuple):
    """A place from which the data must be taken."""

    stack: Stack | None
    """Nothing of its top has come."""
    start: int
    """Index in the data."""


class _Run:
    """Some data, taken in several configurations."""

    __slots__ = ("_data", "_found")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._found: list[Configuration] = []
        """Configurations after all of the data."""

    def take(self, configurations: Iterable[Configuration]) -> Sequence[Configuration]:
        """The different configurations after the data."""
        for stack, state in configurations:
            ways = self._follow(stack, state, 0)
            if ways:
                self._follow_all(ways)
        found = self._found
        return found if len(found) < 2 else list(dict.fromkeys(found))

    def _follow_all(self, ways: Iterable[_Way]) -> None:
        todo = list(ways)
        met = set(todo)
        while todo:
            stack, index = todo.pop()
            for way in self._follow(stack, None, index):
                if way not in met:
                    met.add(way)
                    todo.append(way)

    def _follow(
        self, stack: Stack | None, state: State | InChoice | None, index: int
    ) -> Sequence[_Way]:
        """Take the data from `index` on, up to a choice that leaves several ways, which are returned."""
        data = self._data
        size = len(data)
        while index < size:
            if stack is None:
                return ()  # nothing may follow a whole document
            top = stack.top
            if isinstance(top, Rule):
                assert state is None or isinstance(state, InChoice)
                ways = self._choose(stack, top, state, index)
                if len(ways) != 1:
                    return ways
                (stack, index), state = ways[0], None
                continue
            if state is not None:
                assert not isinstance(state, InChoice), "the top is not a rule"
                step = state.step(data, index, stack.names)
            elif not isinstance(top, bytes):
                step = top.begin(data, index, stack.names)
            elif data.startswith(top, index):
                stack, index = stack.pop(), index + len(top)
                continue
            else:
                step = InLiteral(top, 0).step(data, index, stack.names)
            if step is None:
                return ()
            index, state, name = step
            if state is None:
                stack = stack.pop() if name is None else stack.pop_key(name)
        self._found.append(Configuration(stack, state))
        return ()

    def _choose(
        self, stack: Stack, rule: Rule, state: InChoice | None, index: int
    ) -> Sequence[_Way]:
        """What follows in the alternatives of a rule that fit.

        Those whose first literal goes on after the data are found already.
        """
        data = self._data
        ways: list[_Way] = []
        if state is None:
            if stack.depth > MAX_DEPTH:
                return ()
            literals, others = stack.choice(rule).branches(data[index])
            for alternative in others:
                ways.append(_Way(stack.replace(alternative), index))
            if not literals:
                return ways
            taken = b""
        else:
            literals, taken = state
        text = taken + data[index:]
        waiting = []
        for alternative in literals:
            literal = alternative.symbols[0]
            assert isinstance(literal, bytes)
            if text.startswith(literal):
                end = index + len(literal) - len(taken)
                ways.append(_Way(stack.replace_literal(alternative), end))
            elif literal.startswith(text):
                waiting.append(alternative)
        if waiting:
            self._found.append(_waiting(stack, waiting, text))
        return ways


def _waiting(stack: Stack, alternatives: Sequence[Alternative], text: bytes) -> Configuration:
    """Where all of the alternatives, at least one, begin with the text and go on."""
    if len(alternatives) > 1:
        return Configuration(stack, InChoice(tuple(alternatives), text))
    literal = alternatives[0].symbols[0]
    assert isinstance(literal, bytes)
    return Configuration(stack.replace(alternatives[0]), InLiteral(literal, len(text)))


def _is_open_below(stack: Stack) -> bool:
    """True where several bytes may come after the symbol at the top."""
    below = stack.below
    return below is not None and isinstance(below.top, Rule) and below.choice(below.top).is_open
