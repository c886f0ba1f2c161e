"""How far a text has got in a grammar, and what ends it soonest.

A set of stacks, because a text may fit several rules for a while. Stacks share their lower parts and
carry what it costs to finish them, so the cost of ending is known after every step.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import NamedTuple

from galop.grammar.frames import Frame
from galop.grammar.json_text import (
    completion,
    fresh_suffix,
    is_whole,
    key_of,
    unfinished_character,
)
from galop.grammar.rules import INFINITE, MAX_FRESH_SUFFIX, Costs, Leaf, LeafKind, Rule, Symbols

MAX_FRAMES = 400
"""Open rules inside each other: about two per container. Python's json stops at 1,000 containers."""
_MAX_TAIL = 12
MAX_NUMBER_BYTES = 64
"""Python refuses integers of more than 4,300 digits, and models can write digits without end."""
_MAX_WAITING = 4
_MAX_STACKS = 4096
"""Readings of a text that are followed; an object with so many optional members has as many."""
_DEVIATION = 2
"""What a variant costs beyond its tokens: endings that deviate in one place come before others."""
_SPECIAL_IN_STRING = re.compile(rb'["\\]')
_NUMBER_BYTES = frozenset(b"0123456789+-.eE")
_BACKSLASH = 0x5C


class InText(NamedTuple):
    """Inside a leaf."""

    text: bytes = b""
    """Of a plain string: the beginning of an escape or character. Of all others: what there is."""
    num_chars: int = 0
    """Of a string with a least length: characters so far."""
    num_closed: int = 0
    """Of a key: bytes of what comes after its text, the closing quote included."""


class Stack(NamedTuple):
    """One way to read the text so far."""

    frame: Frame | None
    """None: the document is whole."""
    offset: int = 0
    """Bytes of the literal at the top, or of what precedes the text of a leaf, that have come."""
    inside: InText | None = None


class Progress:
    """All ways to read the text so far; immutable. An empty set: the text fits no more."""

    __slots__ = ("_cost", "_costs", "stacks")

    def __init__(self, stacks: tuple[Stack, ...], costs: Costs) -> None:
        self.stacks = stacks
        self._costs = costs
        self._cost: int | None = None

    @classmethod
    def start(cls, costs: Costs) -> Progress:
        """Before the first byte."""
        root: Symbols = (costs.start,)
        return cls((Stack(Frame(root, 0, None, costs.suffixes(root), frozenset())),), costs)

    @property
    def is_in_free_string(self) -> bool:
        """True in a string without bounds, between characters: more of them changes nothing."""
        return bool(self.stacks) and all(map(_is_in_free_string, self.stacks))

    @property
    def cost(self) -> int:
        """Of the cheapest ending; INFINITE where none is known."""
        if self._cost is None:
            self._cost = min(map(self._stack_cost, self.stacks), default=INFINITE)
        return self._cost

    @property
    def rough_cost(self) -> int | None:
        """Within a lexeme that must be searched: the cost as if it had not begun. Else None."""
        for stack in self.stacks:
            leaf = _leaf(stack)
            if leaf is not None and leaf.ending is not None and stack.inside is not None:
                assert stack.frame is not None
                return stack.frame.cost
        return None

    def advance(self, data: bytes) -> Progress:
        """After more bytes."""
        found: dict[Stack, None] = {}
        todo = [(stack, 0) for stack in self.stacks]
        seen: set[tuple[Stack, int]] = set()
        while todo:
            state = todo.pop()
            if state in seen:
                continue
            seen.add(state)
            stack, index = state
            if index == len(data):
                found[stack] = None
            elif stack.frame is not None:
                self._step(stack, stack.frame, data, index, todo)
        stacks = list(found)
        if len(stacks) > _MAX_STACKS:
            stacks = heapq.nsmallest(_MAX_STACKS, stacks, key=self._stack_cost)
        return Progress(tuple(stacks), self._costs)

    def endings(self, max_steps: int = 2000) -> Iterator[bytes]:
        """Texts that end the document from here, roughly the cheapest first, as far as found."""
        order = count(0, -1)  # of two that cost the same, the one that has come further
        heap: list[tuple[int, int, bytes, Frame | None]] = []

        def push(spent: int, text: bytes, frame: Frame | None) -> None:
            total = spent + (frame.cost if frame else 0)
            if total < INFINITE:
                heapq.heappush(heap, (total, next(order), text, frame))

        for stack in self.stacks:
            deviation = 0 if _stands_for_many(stack) else _DEVIATION
            for rank, (text, frame) in enumerate(self._first_endings(stack)):
                push(self._costs.cost_of(text) + rank * deviation, text, frame)
        given: set[bytes] = set()
        for _ in range(max_steps):
            if not heap:
                return
            total, _, text, frame = heapq.heappop(heap)
            if frame is None:
                if text not in given:
                    given.add(text)
                    yield text
                continue
            spent = total - frame.cost
            symbol = frame.symbols[frame.index]
            if isinstance(symbol, Rule):
                for symbols in frame.options(symbol):
                    push(spent, text, frame.child(symbols, self._costs))
            elif isinstance(symbol, bytes):
                push(spent + self._costs.cost_of(symbol), text + symbol, frame.after())
            else:
                for rank, (whole, after) in enumerate(_wholes(symbol, frame)):
                    cost = self._costs.cost_of(whole) + rank * _DEVIATION
                    push(spent + cost, text + whole, after)

    def _first_endings(self, stack: Stack) -> Iterator[tuple[bytes, Frame | None]]:
        """Texts that end the symbol which has begun, and what follows each."""
        frame = stack.frame
        if frame is None or (stack.inside is None and not stack.offset):
            yield b"", frame
            return
        symbol = frame.symbols[frame.index]
        if isinstance(symbol, bytes):
            yield symbol[stack.offset :], frame.after()
            return
        if isinstance(symbol, Rule):
            for left, symbols in self._waiting(symbol, stack):
                child = frame.child(symbols, self._costs)
                yield left, None if child is None else child.after()
            return
        inside = stack.inside
        if inside is None:
            for whole, after in _wholes(symbol, frame):
                yield whole[stack.offset :], after
        elif inside.num_closed:
            yield symbol.after[inside.num_closed :], frame.after_key(key_of(inside.text))
        elif symbol.ending is not None:
            rest = symbol.ending(symbol.before + inside.text)
            if rest is not None:
                yield rest, frame.after()
        elif symbol.kind is LeafKind.KEY:
            rest = completion(_pending_of(inside.text))
            suffix = fresh_suffix(inside.text + rest, frame.keys | symbol.taken)
            key = key_of(inside.text + rest + suffix)
            yield rest + suffix + symbol.after, frame.after_key(key)
        elif symbol.kind is LeafKind.NUMBER:
            text = b"" if inside.text[-1:].isdigit() else b"0"
            yield text, frame.after()
            for digit in b"123":
                yield text + bytes([digit]), frame.after()
        else:
            rest = completion(inside.text)
            missing = symbol.min_chars - inside.num_chars - bool(inside.text)
            for filler in (b"a" * max(0, missing), b"b" * max(1, missing), b"c" * max(1, missing)):
                yield rest + filler + symbol.after, frame.after()
            for tail in _tails(symbol.variants):
                yield rest + tail, frame.after()

    def _stack_cost(self, stack: Stack) -> int:
        frame = stack.frame
        if frame is None:
            return 0
        if stack.inside is None and not stack.offset:
            return frame.cost
        below = frame.cost - frame.costs[frame.index] + frame.costs[frame.index + 1]
        symbol = frame.symbols[frame.index]
        cost_of = self._costs.cost_of
        if isinstance(symbol, bytes):
            return below + cost_of(symbol[stack.offset :])
        if isinstance(symbol, Rule):
            return below + min(
                cost_of(rest) + self._costs.suffixes(symbols)[1]
                for rest, symbols in self._waiting(symbol, stack)
            )
        inside = stack.inside
        if inside is None:
            is_invented = symbol.kind is LeafKind.KEY and symbol.ending is None
            fresh = MAX_FRESH_SUFFIX if is_invented else 0
            shortest = symbol.shortest
            return (
                INFINITE if shortest is None else below + fresh + cost_of(shortest[stack.offset :])
            )
        if inside.num_closed:
            return below + cost_of(symbol.after[inside.num_closed :])
        if symbol.ending is not None:
            text = symbol.before + inside.text
            ending = symbol.ending(text)
            if ending is None or (
                symbol.kind is LeafKind.NUMBER and len(text + ending) > MAX_NUMBER_BYTES
            ):
                return INFINITE
            return below + cost_of(ending)
        if symbol.kind is LeafKind.KEY:
            return (
                below
                + MAX_FRESH_SUFFIX
                + cost_of(completion(_pending_of(inside.text)) + symbol.after)
            )
        if symbol.kind is LeafKind.NUMBER:
            return below + (0 if inside.text[-1:].isdigit() else cost_of(b"0"))
        missing = max(0, symbol.min_chars - inside.num_chars - bool(inside.text))
        rest = completion(inside.text) + b"a" * missing
        return below + cost_of(rest + symbol.after)

    def _step(
        self,
        stack: Stack,
        frame: Frame,
        data: bytes,
        index: int,
        todo: list[tuple[Stack, int]],
    ) -> None:
        """Take what the top symbol can take of data[index:], which is not empty."""
        symbol = frame.symbols[frame.index]
        if isinstance(symbol, bytes):
            self._take_literal(symbol, stack, frame, data, index, todo)
        elif isinstance(symbol, Rule):
            if frame.depth > MAX_FRAMES:
                return
            self._expand(symbol, stack, frame, data, index, todo)
        elif stack.inside is None:
            self._enter_leaf(symbol, stack, frame, data, index, todo)
        elif symbol.kind is LeafKind.NUMBER:
            _take_number(stack, stack.inside, frame, data, index, todo)
        else:
            _take_string(symbol, stack.inside, frame, data, index, todo)

    def _expand(
        self,
        rule: Rule,
        stack: Stack,
        frame: Frame,
        data: bytes,
        index: int,
        todo: list[tuple[Stack, int]],
    ) -> None:
        """Replace the top rule by those of its sequences that fit.

        Where many begin with all the text there is, as those of an object with many optional members
        do, one stack stands for them all until there is more.
        """
        taken = stack.inside.text if stack.inside else b""
        text = taken + data[index:]
        waiting = []
        for symbols in self._options(rule, frame):
            first = symbols[0] if symbols else None
            if isinstance(first, bytes):
                if len(first) <= len(text):
                    if text.startswith(first):
                        child = frame.child(symbols, self._costs)
                        after = None if child is None else child.after()
                        todo.append((Stack(after), index + len(first) - len(taken)))
                elif first.startswith(text):
                    waiting.append(symbols)
            elif not taken:
                todo.append((Stack(frame.child(symbols, self._costs)), index))
        if len(waiting) > _MAX_WAITING:
            todo.append((Stack(frame, 0, InText(text)), len(data)))
        else:
            for symbols in waiting:
                todo.append((Stack(frame.child(symbols, self._costs), len(text)), len(data)))

    def _options(self, rule: Rule, frame: Frame) -> Sequence[Symbols]:
        return self._costs.options(rule) if rule.max_turns is None else frame.options(rule)

    def _waiting(self, rule: Rule, stack: Stack) -> Iterator[tuple[bytes, Symbols]]:
        """Of a stack that stands for many: what is left of the first symbol, and the sequence."""
        assert stack.inside is not None
        assert stack.frame is not None
        text = stack.inside.text
        for symbols in self._options(rule, stack.frame):
            first = symbols[0] if symbols else None
            if isinstance(first, bytes) and len(first) > len(text) and first.startswith(text):
                yield first[len(text) :], symbols

    def _take_literal(
        self,
        literal: bytes,
        stack: Stack,
        frame: Frame,
        data: bytes,
        index: int,
        todo: list[tuple[Stack, int]],
    ) -> None:
        offset = stack.offset
        size = min(len(literal) - offset, len(data) - index)
        if literal[offset : offset + size] != data[index : index + size]:
            return
        if offset + size == len(literal):
            todo.append((Stack(frame.after()), index + size))
        else:
            todo.append((Stack(frame, offset + size), index + size))

    def _enter_leaf(
        self,
        leaf: Leaf,
        stack: Stack,
        frame: Frame,
        data: bytes,
        index: int,
        todo: list[tuple[Stack, int]],
    ) -> None:
        if leaf.kind is LeafKind.NUMBER:
            if data[index] in b"-0123456789":
                todo.append((Stack(frame, 0, InText(data[index : index + 1])), index + 1))
            return
        offset = stack.offset
        size = min(len(leaf.before) - offset, len(data) - index)
        if leaf.before[offset : offset + size] != data[index : index + size]:
            return
        if offset + size == len(leaf.before):
            todo.append((Stack(frame, 0, InText()), index + size))
        else:
            todo.append((Stack(frame, offset + size), index + size))


def _is_in_free_string(stack: Stack) -> bool:
    leaf = _leaf(stack)
    return (
        leaf is not None
        and leaf.kind is LeafKind.STRING
        and leaf.ending is None
        and stack.inside is not None
        and not stack.inside.text
        and not leaf.min_chars
    )


def _stands_for_many(stack: Stack) -> bool:
    """True of a stack with a rule of which many sequences may have begun."""
    frame = stack.frame
    return frame is not None and isinstance(frame.symbols[frame.index], Rule)


def _leaf(stack: Stack) -> Leaf | None:
    if stack.frame is None:
        return None
    symbol = stack.frame.symbols[stack.frame.index]
    return symbol if isinstance(symbol, Leaf) else None


def _wholes(leaf: Leaf, frame: Frame) -> Iterator[tuple[bytes, Frame | None]]:
    """Whole texts of a leaf, the shortest first, and what follows each."""
    if leaf.kind is LeafKind.KEY and leaf.ending is None:
        key = fresh_suffix(b"", frame.keys | leaf.taken)
        yield leaf.before + key + leaf.after, frame.after_key(key)
    else:
        for whole in dict.fromkeys((leaf.shortest, *leaf.variants)):
            if whole is not None:
                yield whole, frame.after()


def _tails(texts: Iterable[bytes]) -> Iterator[bytes]:
    """What the ends of JSON strings may add to one that has begun."""
    for text in texts:
        for size in range(2, min(len(text) - 1, _MAX_TAIL)):
            yield text[-size - 1 :]


def _take_number(
    stack: Stack,
    inside: InText,
    frame: Frame,
    data: bytes,
    index: int,
    todo: list[tuple[Stack, int]],
) -> None:
    end = index
    while end < len(data) and data[end] in _NUMBER_BYTES:
        end += 1
    text = inside.text + data[index:end]
    if len(text) > MAX_NUMBER_BYTES:
        return
    if end < len(data):
        todo.append((Stack(frame.after()), end))
    else:
        todo.append((Stack(frame, 0, InText(text)), end))


def _take_string(
    leaf: Leaf,
    inside: InText,
    frame: Frame,
    data: bytes,
    index: int,
    todo: list[tuple[Stack, int]],
) -> None:
    """Inside a string or key: up to the closing quote, or all that is there."""
    if inside.num_closed:
        _take_closing(leaf, inside, frame, data, index, todo)
        return
    keeps_text = leaf.kind is LeafKind.KEY or leaf.ending is not None
    pending = _pending_of(inside.text) if keeps_text else inside.text
    start, num_chars, is_counted = index, inside.num_chars, leaf.min_chars > 0
    while index < len(data):
        if pending:
            pending += data[index : index + 1]
            index += 1
            if is_whole(pending):
                pending, num_chars = b"", num_chars + 1
            continue
        found = _SPECIAL_IN_STRING.search(data, index)
        end = found.start() if found else len(data)
        if found is None:
            pending = unfinished_character(data[index:])
        if is_counted:
            num_chars += _num_chars(data[index:end], pending)
        if found is None:
            index = end
        elif data[end] == _BACKSLASH:
            pending = b"\\"
            index = end + 1
        else:
            _close_string(leaf, inside, frame, data, start, end, todo)
            return
    text = inside.text + data[start:] if keeps_text else pending
    todo.append((Stack(frame, 0, InText(text, num_chars)), index))


def _close_string(
    leaf: Leaf,
    inside: InText,
    frame: Frame,
    data: bytes,
    start: int,
    end: int,
    todo: list[tuple[Stack, int]],
) -> None:
    """The quote at `end` closes the string."""
    if leaf.kind is not LeafKind.KEY:
        todo.append((Stack(frame.after()), end + 1))
        return
    text = inside.text + data[start:end]
    key = key_of(text)
    if key not in frame.keys and key not in leaf.taken:
        _take_closing(leaf, InText(text), frame, data, end, todo)


def _take_closing(
    leaf: Leaf,
    inside: InText,
    frame: Frame,
    data: bytes,
    index: int,
    todo: list[tuple[Stack, int]],
) -> None:
    """What comes after the text of a key."""
    rest = leaf.after[inside.num_closed :]
    size = min(len(rest), len(data) - index)
    if data[index : index + size] != rest[:size]:
        return
    if size == len(rest):
        todo.append((Stack(frame.after_key(key_of(inside.text))), index + size))
    else:
        closing = inside._replace(num_closed=inside.num_closed + size)
        todo.append((Stack(frame, 0, closing), index + size))


def _pending_of(text: bytes) -> bytes:
    """The beginning of an escape or character at the end of a key's text."""
    index = 0
    pending = b""
    for index in range(len(text)):
        byte = text[index : index + 1]
        if pending:
            pending += byte
            if is_whole(pending):
                pending = b""
        elif byte == b"\\" or byte[0] >= 0x80:
            pending = byte
            if is_whole(pending):
                pending = b""
    return pending


def _num_chars(data: bytes, pending: bytes) -> int:
    whole = data[: len(data) - len(pending)] if pending else data
    return len(whole.decode("utf-8", "replace"))
