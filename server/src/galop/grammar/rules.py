"""Grammars as data: from one set of rules come llguidance's Lark and the shortest endings.

A rule is a choice of sequences; a sequence holds literal bytes, leaves (lexemes that a regular
expression describes) and other rules. Nothing here knows JSON Schema or tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

MAX_FRESH_SUFFIX = 3
"""Letters that make any key a new one, up to 18,000 keys in one object."""
INFINITE = 1 << 40
"""The cost of what has no end."""


class LeafKind(Enum):
    """How far a leaf has got is followed by kind; see `progress`."""

    STRING = "string"
    NUMBER = "number"
    KEY = "key"


@dataclass(eq=False, slots=True)
class Leaf:
    """A lexeme: the text of a string, of a number, or of a key with what surrounds it."""

    kind: LeafKind
    lark: str
    """The body of a Lark terminal, or `%json {...}`."""
    shortest: bytes | None
    """A whole text of it, the shortest one known; None if none is."""
    variants: tuple[bytes, ...] = ()
    """Other whole texts, for documents in which the shortest one is out of place."""
    ending: Callable[[bytes], bytes | None] | None = None
    """For lexemes that only their compiled grammar knows: what makes the beginning of one whole."""
    before: bytes = b'"'
    """Up to and with the opening quote."""
    after: bytes = b'"'
    """From the closing quote on."""
    min_chars: int = 0
    """Of a string: Unicode characters."""
    max_chars: int | None = None
    taken: frozenset[bytes] = frozenset()
    """Of a key: names that it must not have."""


@dataclass(eq=False, slots=True)
class Rule:
    """A choice of sequences. Filled after it was made, because rules may be recursive."""

    sequences: list[Symbols] = field(default_factory=list)
    is_loop: bool = False
    """True: every sequence but the last ends with the rule itself; the last is what follows."""
    max_turns: int | None = None
    """Of a loop: how often it may come round."""
    pointer: str = ""
    """The place in the schema that the rule comes from, as a JSON pointer."""


Symbol = bytes | Leaf | Rule
Symbols = tuple[Symbol, ...]


def reachable(start: Rule) -> list[Rule]:
    """All rules of the grammar; those that a rule uses come before it, where that is possible."""
    found: dict[Rule, None] = {}
    met = {start}
    path = [(start, _rules_in(start))]
    while path:
        rule, rest = path[-1]
        inner = next((each for each in rest if each not in met), None)
        if inner is None:
            found[rule] = None
            path.pop()
        else:
            met.add(inner)
            path.append((inner, _rules_in(inner)))
    return list(found)


def _rules_in(rule: Rule) -> Iterator[Rule]:
    return (each for symbols in rule.sequences for each in symbols if isinstance(each, Rule))


def to_lark(start: Rule) -> str:
    """The grammar in llguidance's dialect of Lark."""
    return "\n".join(_Writer().lines(start))


class Costs:
    """The least cost of every rule, under a cost of literal texts (Knuth 1977: grammar problem)."""

    def __init__(self, start: Rule, cost_of: Callable[[bytes], int]) -> None:
        self.start = start
        self.cost_of = cost_of
        self._rules: dict[Rule, int] = {}
        self._suffixes: dict[Symbols, tuple[int, ...]] = {}
        self._options: dict[Rule, list[Symbols]] = {}
        self._settle(reachable(start))

    def of(self, symbol: Symbol) -> int:
        """The least cost of one symbol."""
        if isinstance(symbol, Rule):
            return self._rules.get(symbol, INFINITE)
        if isinstance(symbol, bytes):
            return self.cost_of(symbol)
        if symbol.shortest is None:
            return INFINITE
        is_invented = symbol.kind is LeafKind.KEY and symbol.ending is None
        return self.cost_of(symbol.shortest) + (MAX_FRESH_SUFFIX if is_invented else 0)

    def options(self, rule: Rule) -> list[Symbols]:
        """The sequences of a rule, with those of rules that stand for themselves in their place."""
        known = self._options.get(rule)
        if known is None:
            found: dict[Symbols, None] = {}
            todo, met = [rule], {rule}
            while todo:
                for symbols in todo.pop().sequences:
                    inner = symbols[0] if len(symbols) == 1 else None
                    if not isinstance(inner, Rule) or inner.max_turns is not None:
                        found[symbols] = None
                    elif inner not in met:
                        met.add(inner)
                        todo.append(inner)
            known = self._options[rule] = list(found)
        return known

    def suffixes(self, sequence: Symbols) -> tuple[int, ...]:
        """For every index, the least cost of the symbols from there on; 0 at the end."""
        known = self._suffixes.get(sequence)
        return known if known is not None else self._suffix_costs(sequence)

    def _suffix_costs(self, sequence: Symbols) -> tuple[int, ...]:
        costs = [0]
        total = 0
        for symbol in reversed(sequence):
            total += self.of(symbol)
            costs.append(min(INFINITE, total))
        costs.reverse()
        return tuple(costs)

    def _settle(self, rules: Sequence[Rule]) -> None:
        """Costs fall until none changes; a rule is looked at again after one that it uses."""
        users: dict[Rule, list[Rule]] = {rule: [] for rule in rules}
        for rule in rules:
            for inner in _rules_in(rule):
                users[inner].append(rule)
        queue = dict.fromkeys(rules)
        while queue:
            rule = next(iter(queue))
            del queue[rule]
            cost = INFINITE
            for sequence in rule.sequences:
                suffixes = self._suffixes[sequence] = self._suffix_costs(sequence)
                cost = min(cost, suffixes[0])
            if self._rules.get(rule) != cost:
                self._rules[rule] = cost
                queue.update(dict.fromkeys(users[rule]))


def _literal(data: bytes) -> str:
    """A text, with control tokens where they are marked (see `vocabulary.special_mark`)."""
    pieces = re.split(rb"\xff(\[\d+\])", data)
    parts = [
        f"<{piece.decode()}>" if index % 2 else json.dumps(piece.decode(), ensure_ascii=False)
        for index, piece in enumerate(pieces)
        if piece
    ]
    return " ".join(parts) or '""'


class _Writer:
    def __init__(self) -> None:
        self._leaf_names: dict[Leaf, str] = {}
        self._rule_names: dict[Rule, str] = {}

    def lines(self, start: Rule) -> Iterator[str]:
        rules = reachable(start)[::-1]
        self._rule_names = {rule: f"r{index}" for index, rule in enumerate(rules)}
        yield "start: r0"
        for rule in rules:
            yield f"{self._rule_names[rule]}: {self._body(rule)}"
        for leaf, name in self._leaf_names.items():
            yield f"{name}: {leaf.lark}"

    def _body(self, rule: Rule) -> str:
        if rule.is_loop:
            *turns, rest = rule.sequences
            each = " | ".join(self._sequence(turn[:-1]) for turn in turns)
            count = "*" if rule.max_turns is None else f"{{0,{rule.max_turns}}}"
            return f"({each}){count} {self._sequence(rest)}"
        return " | ".join(self._sequence(each) for each in rule.sequences)

    def _sequence(self, symbols: Iterable[Symbol]) -> str:
        return " ".join(map(self._symbol, symbols)) or '""'

    def _symbol(self, symbol: Symbol) -> str:
        if isinstance(symbol, bytes):
            return _literal(symbol)
        if isinstance(symbol, Rule):
            return self._rule_names[symbol]
        name = self._leaf_names.get(symbol)
        if name is None:
            letter = "j" if symbol.lark.startswith("%json") else "T"
            name = self._leaf_names[symbol] = f"{letter}{len(self._leaf_names)}"
        return name
