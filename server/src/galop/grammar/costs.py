"""The least cost of every rule, and of every rest of a sequence (Knuth 1977: the grammar problem).

A cost is an upper bound of the tokens that a text takes: the sum over its literals and leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from galop.grammar.leaf import INFINITE, CostOf, Leaf
from galop.grammar.rules import Rule, Symbol, Symbols


class Alternative:
    """One sequence of a rule, with costs. Compared by identity; one object per sequence and `Costs`."""

    __slots__ = ("costs", "suffix_costs", "symbols")

    def __init__(self, symbols: Symbols, costs: Costs) -> None:
        self.symbols = symbols
        self.costs = costs
        """Of the grammar."""
        self.suffix_costs = costs.suffixes(symbols)
        """For every index, the least cost of the symbols from there on; 0 at the end."""

    @property
    def begins_literally(self) -> bool:
        """True if the first symbol is a literal text."""
        return bool(self.symbols) and isinstance(self.symbols[0], bytes)

    def may_begin_with(self, byte: int) -> bool:
        """False if the byte cannot come first; true of what may be empty."""
        first = self.symbols[0] if self.symbols else b""
        if isinstance(first, bytes):
            return not first or first[0] == byte
        return isinstance(first, Rule) or first.may_begin_with(byte)


class Branches(NamedTuple):
    """Alternatives of a rule, divided by what they begin with."""

    literals: tuple[Alternative, ...]
    """Begin with a literal text."""
    others: tuple[Alternative, ...]
    """Are empty, or begin with a leaf or with a rule."""


class Choice:
    """The alternatives of a rule, for a parser that knows the next byte."""

    def __init__(self, alternatives: Sequence[Alternative]) -> None:
        self._alternatives = alternatives
        self._by_byte: dict[int, Branches] = {}

    @cached_property
    def is_open(self) -> bool:
        """True if two different bytes may come first. False where that is not plain to see."""
        firsts = [each.symbols[0] for each in self._alternatives if each.symbols]
        if any(isinstance(first, Rule) for first in firsts):
            return False
        bytes_ = (byte for byte in range(256) if self.branches(byte) != Branches((), ()))
        return next(bytes_, None) is not None and next(bytes_, None) is not None

    def branches(self, byte: int) -> Branches:
        """Those that may begin with the byte."""
        known = self._by_byte.get(byte)
        if known is None:
            fitting = [each for each in self._alternatives if each.may_begin_with(byte)]
            literals = tuple(each for each in fitting if each.begins_literally)
            others = tuple(each for each in fitting if not each.begins_literally)
            known = self._by_byte[byte] = Branches(literals, others)
        return known


class Costs:
    """Of one grammar under one cost of literal texts."""

    def __init__(self, rules: Sequence[Rule], cost_of: CostOf) -> None:
        """`rules`: see `rules.reachable`; the last one is the start."""
        self.start = rules[-1]
        self.cost_of = cost_of
        self._rules: dict[Rule, int] = {}
        self._leaves: dict[Leaf, int] = {}
        self._alternatives: dict[Rule, tuple[Alternative, ...]] = {}
        self._by_symbols: dict[Symbols, Alternative] = {}
        self._choices: dict[Rule, Choice] = {}
        self._last_choices: dict[Rule, Choice] = {}
        if self._lower(rules).is_recursive:
            while self._lower(rules).is_lower:
                pass

    @cached_property
    def root(self) -> Alternative:
        """The whole document."""
        return Alternative((self.start,), self)

    def of(self, symbol: Symbol) -> int:
        """The least cost of one symbol; `INFINITE` if it has no end."""
        if isinstance(symbol, Rule):
            return self._rules.get(symbol, INFINITE)
        if isinstance(symbol, bytes):
            return self.cost_of(symbol)
        known = self._leaves.get(symbol)
        if known is None:
            known = self._leaves[symbol] = symbol.cost(self.cost_of)
        return known

    def suffixes(self, symbols: Symbols) -> tuple[int, ...]:
        """For every index, the least cost of the symbols from there on; 0 at the end."""
        costs = [0]
        for symbol in reversed(symbols):
            costs.append(min(INFINITE, costs[-1] + self.of(symbol)))
        return tuple(costs[::-1])

    def alternatives(self, rule: Rule) -> tuple[Alternative, ...]:
        """The sequences of a rule."""
        known = self._alternatives.get(rule)
        if known is None:
            known = self._alternatives[rule] = tuple(map(self._alternative, rule.sequences))
        return known

    def choice(self, rule: Rule) -> Choice:
        """The sequences of a rule, those of rules that stand alone in one of them in its place."""
        known = self._choices.get(rule)
        if known is None:
            known = self._choices[rule] = Choice(self._flattened(rule))
        return known

    def last_choice(self, rule: Rule) -> Choice:
        """The last sequence of a rule alone."""
        known = self._last_choices.get(rule)
        if known is None:
            known = self._last_choices[rule] = Choice(self.alternatives(rule)[-1:])
        return known

    def _alternative(self, symbols: Symbols) -> Alternative:
        known = self._by_symbols.get(symbols)
        if known is None:
            known = self._by_symbols[symbols] = Alternative(symbols, self)
        return known

    def _flattened(self, rule: Rule) -> Sequence[Alternative]:
        found: dict[Alternative, None] = {}
        todo, met = [rule], {rule}
        while todo:
            for alternative in self.alternatives(todo.pop()):
                symbols = alternative.symbols
                inner = symbols[0] if len(symbols) == 1 else None
                if not isinstance(inner, Rule) or inner.max_turns is not None:
                    found[alternative] = None
                elif inner not in met:
                    met.add(inner)
                    todo.append(inner)
        return list(found)

    def _lower(self, rules: Sequence[Rule]) -> _Lowered:
        """Look at every rule once more; what is not known yet has no end."""
        costs = self._rules
        is_recursive = is_lower = False
        for rule in rules:
            least = INFINITE
            for symbols in rule.sequences:
                total = 0
                for symbol in symbols:
                    if isinstance(symbol, Rule) and symbol not in costs:
                        is_recursive |= symbol is not rule  # what ends with itself costs no less
                        total = INFINITE
                    else:
                        total += self.of(symbol)
                    if total >= least:
                        break
                else:
                    least = total
            is_lower |= least < costs.get(rule, INFINITE)
            costs[rule] = least
        return _Lowered(is_recursive, is_lower)


class _Lowered(NamedTuple):
    is_recursive: bool
    """True if a rule was looked at before one that it uses."""
    is_lower: bool
    """True if a cost fell."""
