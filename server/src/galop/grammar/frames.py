"""What is still to come of a document: frames on a stack, shared by all readings of the text."""

from __future__ import annotations

from collections.abc import Sequence

from galop.grammar.rules import INFINITE, Costs, Rule, Symbols


class Frame:
    """Symbols that are still to come, and what comes after them. Compared by identity."""

    __slots__ = (
        "_children",
        "_next",
        "cost",
        "costs",
        "depth",
        "index",
        "keys",
        "loop",
        "parent",
        "symbols",
        "turns",
    )

    def __init__(
        self,
        symbols: Symbols,
        index: int,
        parent: Frame | None,
        costs: tuple[int, ...],
        keys: frozenset[bytes],
        loop: Rule | None = None,
        turns: int = 0,
    ) -> None:
        self.symbols = symbols
        self.index = index
        self.parent = parent
        self.costs = costs
        self.keys = keys
        """Names that the object has, beyond the declared ones."""
        self.loop = loop
        """The counted loop that this frame is a turn of."""
        self.turns = turns
        self.cost: int = min(INFINITE, costs[index] + (parent.cost if parent else 0))
        """To finish this frame and all below."""
        self.depth: int = parent.depth + 1 if parent else 1
        self._next: Frame | None | bool = False
        self._children: dict[Symbols, Frame] | None = None

    def after(self) -> Frame | None:
        """What comes when the first symbol is done; None at the end of the document."""
        if self._next is False:
            self._next = self._advanced(self.keys)
        assert not isinstance(self._next, bool)
        return self._next

    def after_key(self, key: bytes) -> Frame | None:
        """The same, with one more name taken."""
        return self._advanced(self.keys | {key})

    def child(self, symbols: Symbols, costs: Costs) -> Frame | None:
        """The first symbol, a rule, replaced by one of its sequences."""
        if not symbols:
            return self.after()
        if self._children is None:
            self._children = {}
        frame = self._children.get(symbols)
        if frame is None:
            is_last = self.index + 1 == len(self.symbols)
            parent = self.parent if is_last else self.after()
            keys = self.keys if is_last else frozenset[bytes]()
            rule = self.symbols[self.index]
            assert isinstance(rule, Rule)
            loop, turns = None, 0
            if rule.max_turns is not None and symbols is not rule.sequences[-1]:
                loop, turns = rule, self._turns_of(rule) + 1
            frame = Frame(symbols, 0, parent, costs.suffixes(symbols), keys, loop, turns)
            self._children[symbols] = frame
        return frame

    def options(self, rule: Rule) -> Sequence[Symbols]:
        """The sequences that may replace the first symbol, which is `rule`."""
        if rule.max_turns is not None and self._turns_of(rule) >= rule.max_turns:
            return rule.sequences[-1:]
        return rule.sequences

    def _turns_of(self, loop: Rule) -> int:
        return self.turns if self.loop is loop else 0

    def _advanced(self, keys: frozenset[bytes]) -> Frame | None:
        if self.index + 1 == len(self.symbols):
            return self.parent
        index = self.index + 1
        return Frame(self.symbols, index, self.parent, self.costs, keys, self.loop, self.turns)
