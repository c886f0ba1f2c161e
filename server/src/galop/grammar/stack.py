"""What is still to come of a document: an immutable stack, whose lower parts many readings share."""

from __future__ import annotations

from typing import NamedTuple

from galop.grammar.costs import Alternative, Choice, Costs
from galop.grammar.leaf import Names
from galop.grammar.rules import Rule, Symbol


class Container(NamedTuple):
    """What must be known of the innermost open object or array."""

    names: Names = frozenset()
    """Names of the members that an object has beyond the declared ones."""
    loop: Rule | None = None
    """The counted loop whose turn the stack is in; None outside of such loops."""
    num_turns: int = 0
    """Turns of the loop that have begun."""


_NOTHING_KNOWN = Container()


class Stack:
    """The rest of one alternative, on top of what comes after it. Compared by identity.

    An empty stack, at the end of the document, is None.
    """

    __slots__ = (
        "_popped",
        "_replaced",
        "alternative",
        "below",
        "container",
        "cost",
        "depth",
        "index",
        "names",
        "top",
    )

    def __init__(
        self, alternative: Alternative, index: int, below: Stack | None, container: Container
    ) -> None:
        self.alternative = alternative
        self.index = index
        """Of the first symbol of the alternative that is still to come."""
        self.below = below
        self.container = container
        self.names = container.names
        """See `Container.names`."""
        self.top: Symbol = alternative.symbols[index]
        cost_below = below.cost if below else 0
        self.cost: int = alternative.suffix_costs[index] + cost_below
        """Of the cheapest ending of the document; `INFINITE` or more if none is known."""
        self.depth: int = below.depth + 1 if below else 1
        self._popped: Stack | None | bool = False
        self._replaced: dict[Alternative, Stack] | None = None

    @classmethod
    def start(cls, costs: Costs) -> Stack:
        """A whole document."""
        return cls(costs.root, 0, None, _NOTHING_KNOWN)

    @property
    def cost_after_top(self) -> int:
        """The same as `cost`, without the symbol at the top."""
        cost_below = self.below.cost if self.below else 0
        return self.alternative.suffix_costs[self.index + 1] + cost_below

    def pop(self) -> Stack | None:
        """The stack without its top."""
        if self._popped is False:
            self._popped = self._without_top(self.container)
        assert not isinstance(self._popped, bool)
        return self._popped

    def pop_key(self, name: bytes) -> Stack | None:
        """The stack without its top, a key; the object has one more name then."""
        names, loop, num_turns = self.container
        return self._without_top(Container(names | {name}, loop, num_turns))

    def replace(self, alternative: Alternative) -> Stack | None:
        """The top, a rule, replaced by one of its alternatives."""
        if not alternative.symbols:
            return self.pop()
        if self._replaced is None:
            self._replaced = {}
        stack = self._replaced.get(alternative)
        if stack is None:
            is_last = self.index + 1 == len(self.alternative.symbols)
            below = self.below if is_last else self.pop()
            names: Names = self.container.names if is_last else frozenset()
            stack = Stack(alternative, 0, below, self._container(alternative, names))
            self._replaced[alternative] = stack
        return stack

    def replace_literal(self, alternative: Alternative) -> Stack | None:
        """The top, a rule, replaced by an alternative whose first symbol has come already."""
        stack = self.replace(alternative)
        assert stack is not None, "there is a first symbol"
        return stack.pop()

    def alternatives(self, rule: Rule) -> tuple[Alternative, ...]:
        """What may replace the top, which is `rule`."""
        alternatives = self.alternative.costs.alternatives(rule)
        return alternatives[-1:] if self._is_used_up(rule) else alternatives

    def choice(self, rule: Rule) -> Choice:
        """The same for the parser, with more alternatives in the place of rules: see `Costs.choice`."""
        costs = self.alternative.costs
        return costs.last_choice(rule) if self._is_used_up(rule) else costs.choice(rule)

    def _container(self, alternative: Alternative, names: Names) -> Container:
        rule = self.top
        assert isinstance(rule, Rule)
        if rule.max_turns is None or alternative is self.alternative.costs.alternatives(rule)[-1]:
            return Container(names) if names else _NOTHING_KNOWN
        return Container(names, rule, self._num_turns(rule) + 1)

    def _num_turns(self, loop: Rule) -> int:
        return self.container.num_turns if self.container.loop is loop else 0

    def _is_used_up(self, rule: Rule) -> bool:
        return rule.max_turns is not None and self._num_turns(rule) >= rule.max_turns

    def _without_top(self, container: Container) -> Stack | None:
        if self.index + 1 == len(self.alternative.symbols):
            return self.below
        return Stack(self.alternative, self.index + 1, self.below, container)
