"""Grammars as data: one set of rules gives llguidance's Lark and the costs of endings.

A rule is a choice of sequences. A sequence holds literal texts, leaves and other rules. Rules may be
recursive, but not left-recursive: a rule is never the first symbol of what it stands for. Nothing here
knows JSON Schema or tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from galop.grammar.leaf import Leaf


@dataclass(eq=False, slots=True)
class Rule:
    """A choice of sequences. Compared by identity; filled after it was made, for recursion."""

    sequences: list[Symbols] = field(default_factory=list)
    is_loop: bool = False
    """True: every sequence but the last ends with the rule itself. The last one follows the loop."""
    max_turns: int | None = None
    """Of a loop: how often it may come round; None: no bound."""
    pointer: str = ""
    """The place in the schema that the rule comes from, as a JSON pointer; "" if there is none."""


Symbol = bytes | Leaf | Rule
"""A literal text, a leaf, or a rule."""
Symbols = tuple[Symbol, ...]


def reachable(start: Rule) -> list[Rule]:
    """All rules of the grammar. A rule comes after those that it uses, unless they are recursive."""
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
            todo += [(each, False) for each in _rules_in(rule) if each not in met]
    return found


def depth(start: Rule) -> int:
    """How many rules lie inside each other on the deepest way down."""
    deepest = 0
    met: set[Rule] = set()
    todo = [(start, 1)]
    while todo:
        rule, level = todo.pop()
        if rule in met:
            continue
        met.add(rule)
        deepest = max(deepest, level)
        inner = [each for each in _rules_in(rule) if each not in met]
        todo += [(each, level + 1) for each in reversed(inner)]
    return deepest


def _rules_in(rule: Rule) -> Iterator[Rule]:
    for symbols in rule.sequences:
        yield from (symbol for symbol in symbols if isinstance(symbol, Rule))


def drop_endless(start: Rule) -> None:
    """Remove the sequences that have no finite text, unless the start has none at all.

    A text that has taken such a sequence could not be ended any more.
    """
    rules = reachable(start)
    finite: set[Rule] = set()
    num_before = -1
    while len(finite) > num_before:
        num_before = len(finite)
        for rule in rules:
            if any(_is_finite(symbols, finite) for symbols in rule.sequences):
                finite.add(rule)
    if start not in finite:
        return
    for rule in rules:
        rule.sequences = [each for each in rule.sequences if _is_finite(each, finite)]
        rule.is_loop &= len(rule.sequences) > 1


def _is_finite(symbols: Symbols, finite: set[Rule]) -> bool:
    """True if a sequence uses no rules but finite ones."""
    return all(symbol in finite for symbol in symbols if isinstance(symbol, Rule))
