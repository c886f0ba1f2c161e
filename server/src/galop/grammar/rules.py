"""Grammars as data: from one set of rules come llguidance's Lark and the shortest endings.

A rule is a choice of sequences; a sequence holds literal bytes, leaves (lexemes that a regular
expression describes) and other rules. Nothing here knows JSON Schema or tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

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
    found: list[Rule] = []
    met: set[Rule] = set()
    todo = [(start, False)]
    while todo:
        rule, is_done = todo.pop()
        if is_done:
            found.append(rule)
        elif rule not in met:
            met.add(rule)
            todo.append((rule, True))
            for symbols in rule.sequences:
                for each in symbols:
                    if isinstance(each, Rule) and each not in met:
                        todo.append((each, False))
    return found


def to_lark(rules: Sequence[Rule]) -> str:
    """The grammar in llguidance's dialect of Lark. `rules`: see `reachable`."""
    return "\n".join(_Writer(rules).lines())


class Costs:
    """The least cost of every rule, under a cost of literal texts (Knuth 1977: grammar problem).

    `rules`: see `reachable`; the last one is the start.
    """

    def __init__(self, rules: Sequence[Rule], cost_of: Callable[[bytes], int]) -> None:
        self.start = rules[-1]
        self.cost_of = cost_of
        self._rules: dict[Rule, int] = {}
        self._leaves: dict[Leaf, int] = {}
        self._suffixes: dict[Symbols, tuple[int, ...]] = {}
        self._options: dict[Rule, list[Symbols]] = {}
        if self._lower(rules).is_recursive:
            while self._lower(rules).is_lower:
                pass

    def of(self, symbol: Symbol) -> int:
        """The least cost of one symbol."""
        if isinstance(symbol, Rule):
            return self._rules.get(symbol, INFINITE)
        if isinstance(symbol, bytes):
            return self.cost_of(symbol)
        known = self._leaves.get(symbol)
        if known is None:
            known = self._leaves[symbol] = self._of_leaf(symbol)
        return known

    def _of_leaf(self, leaf: Leaf) -> int:
        if leaf.shortest is None:
            return INFINITE
        is_invented = leaf.kind is LeafKind.KEY and leaf.ending is None
        return self.cost_of(leaf.shortest) + (MAX_FRESH_SUFFIX if is_invented else 0)

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
        if known is None:
            costs = [0]
            for symbol in reversed(sequence):
                costs.append(min(INFINITE, costs[-1] + self.of(symbol)))
            known = self._suffixes[sequence] = tuple(costs[::-1])
        return known

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


def _literal(data: bytes) -> str:
    """A text, with control tokens where they are marked (see `vocabulary.special_mark`)."""
    if b"\xff" not in data:
        return _quoted(data.decode())
    pieces = re.split(rb"\xff(\[\d+\])", data)
    parts = [
        f"<{piece.decode()}>" if index % 2 else _quoted(piece.decode())
        for index, piece in enumerate(pieces)
        if piece
    ]
    return " ".join(parts)


_quoted = json.JSONEncoder(ensure_ascii=False).encode


class _Writer:
    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules[::-1]
        self._names: dict[Symbol, str] = {
            rule: f"r{index}" for index, rule in enumerate(self._rules)
        }
        self._leaves: list[Leaf] = []

    def lines(self) -> Iterator[str]:
        yield "start: r0"
        for rule in self._rules:
            yield f"{self._names[rule]}: {self._body(rule)}"
        for leaf in self._leaves:
            yield f"{self._names[leaf]}: {leaf.lark}"

    def _body(self, rule: Rule) -> str:
        if rule.is_loop:
            *turns, rest = rule.sequences
            each = " | ".join(self._sequence(turn[:-1]) for turn in turns)
            count = "*" if rule.max_turns is None else f"{{0,{rule.max_turns}}}"
            return f"({each}){count} {self._sequence(rest)}"
        return " | ".join(map(self._sequence, rule.sequences))

    def _sequence(self, symbols: Symbols) -> str:
        return " ".join(map(self._symbol, symbols)) or '""'

    def _symbol(self, symbol: Symbol) -> str:
        name = self._names.get(symbol)
        if name is None:
            if isinstance(symbol, bytes):
                name = _literal(symbol)
            else:
                assert isinstance(symbol, Leaf)
                letter = "j" if symbol.lark.startswith("%json") else "T"
                name = f"{letter}{len(self._leaves)}"
                self._leaves.append(symbol)
            self._names[symbol] = name
        return name
