"""Rules as text in llguidance's dialect of Lark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from galop.grammar.leaf import Leaf
from galop.grammar.rules import Rule, Symbol, Symbols

_quoted = json.JSONEncoder(ensure_ascii=False).encode


def to_lark(rules: Sequence[Rule]) -> str:
    """The grammar with these rules, of which the last one is the start (see `rules.reachable`)."""
    return "\n".join(_Writer(rules).lines())


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
                # llguidance wants `%json` in nonterminals, which are lower-case.
                letter = "j" if symbol.lark.startswith("%json") else "T"
                name = f"{letter}{len(self._leaves)}"
                self._leaves.append(symbol)
            self._names[symbol] = name
        return name


def _literal(data: bytes) -> str:
    """A text in quotes. Marks of control tokens (see `vocabulary.special_mark`) become `<[id]>`."""
    if b"\xff" not in data:
        return _quoted(data.decode())
    pieces = re.split(rb"\xff(\[\d+\])", data)
    parts = [
        f"<{piece.decode()}>" if index % 2 else _quoted(piece.decode())
        for index, piece in enumerate(pieces)
        if piece
    ]
    return " ".join(parts)
