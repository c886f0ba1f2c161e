"""Lowering: from the IR of a schema to the rules of its documents, in four styles of whitespace.

The model picks a style with its first structural bytes and keeps it, so whitespace cannot run away
and most of it is forced. What lies deeper than `MAX_INDENTED` is written on one line.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from galop.grammar.examples import example_of
from galop.grammar.key_leaf import KeyLeaf, PatternKeyLeaf
from galop.grammar.leaf import Leaf
from galop.grammar.lexeme_leaf import NumberLexemeLeaf, StringLexemeLeaf
from galop.grammar.lexemes import lexeme_of, lexeme_of_lark
from galop.grammar.number_leaf import NumberLeaf
from galop.grammar.rules import Rule, Symbol, Symbols, drop_endless, reachable
from galop.grammar.schema_ir import (
    ANYTHING,
    Anything,
    Array,
    ExtraMembers,
    Node,
    Number,
    Object,
    String,
    Texts,
    Union,
)
from galop.grammar.string_leaf import StringLeaf

MAX_INDENTED = 12
"""Levels of an indented document that get lines of their own."""
MAX_ITEMS = 256
"""Minimum counts of items or members that the rules keep; larger ones are left to the check."""
MAX_INDENTED_FREE = 4
"""The same where a schema allows anything."""
_MAX_RULES = 8_000
"""Beyond it documents are written on one line only, which takes a third of the rules."""
_MAX_MIN_CHARS = 4_000
"""Minimum lengths of strings, in characters, that the rules keep."""

_CHARACTER = (
    r'([^"\\\x00-\x1f\x7f]|\\["\\\/bfnrt]'
    r"|\\u([0-9A-CEFa-cef][0-9A-Fa-f]{3}|[Dd][0-7][0-9A-Fa-f]{2})"
    r"|\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2})"
)
_NAME = f"/{_CHARACTER}*/"
_SAFE_NAME = r'/[^"\\\x00-\x1f\x7f]*/'
_INTEGER = r"-?(0|[1-9][0-9]{0,17})"
_FRACTION = r"(\.[0-9]{1,17})?([Ee][+-]?[0-9]{1,2})?"
_STRING_VARIANTS = (b'"a"', b'"b"', b'"c"')
_NUMBER_VARIANTS = (b"1", b"2", b"3", b"-1")


class Style(NamedTuple):
    """How whitespace is written."""

    colon: str
    """Between a name and its value, with the space after it."""
    comma: str
    """Between members or items of one line, with the space after it."""
    indent: int
    """Spaces per level; 0 keeps everything on one line."""


COMPACT = Style(":", ",", 0)
SPACED = Style(": ", ", ", 0)
STYLES = (COMPACT, SPACED, Style(": ", ",", 2), Style(": ", ",", 4))


class _Bounds(NamedTuple):
    """How many items an array may have."""

    least: int
    most: int | None
    """None: any number."""


class Lowered(NamedTuple):
    """The grammar of a schema."""

    start: Rule
    is_exact: bool
    """False: rules or their costs do not say all, such as counts of items beyond `MAX_ITEMS`."""


def lower(node: Node, *, max_indented_free: int = MAX_INDENTED_FREE) -> Lowered:
    """The grammar of one document of the node, in the style that the model likes.

    `max_indented_free`: levels with lines of their own where the node allows anything.
    """
    lowered = _lower(node, STYLES, max_indented_free)
    if len(reachable(lowered.start)) > _MAX_RULES:
        lowered = _lower(node, (SPACED, COMPACT), max_indented_free)
    return lowered


def _lower(node: Node, styles: Sequence[Style], max_indented_free: int) -> Lowered:
    lowering = _Lowering(max_indented_free)
    values = dict.fromkeys(lowering.value(node, style, 0) for style in styles)
    start = Rule([(value,) for value in values])
    drop_endless(start)
    return Lowered(start, lowering.is_exact)


class _Lowering:
    """The symbols made so far: one per node, style and depth."""

    def __init__(self, max_indented_free: int) -> None:
        self._max_indented_free = max_indented_free
        self.is_exact = True
        """See `Lowered.is_exact`."""
        self._rules: dict[tuple[Node, Style, int], Rule] = {}
        self._leaves: dict[Node, Symbol] = {}
        self._scalars: dict[Node, bool] = {}
        self._strings: dict[tuple[int, int | None, tuple[bytes, ...]], StringLeaf] = {}

    def value(self, node: Node, style: Style, depth: int) -> Symbol:
        """The symbol of the node; `depth` containers are open around it."""
        if self._is_scalar(node):
            style = SPACED  # there is no whitespace in it
        if isinstance(node, Texts | String | Number):
            leaf = self._leaves.get(node)
            if leaf is None:
                leaf = self._leaves[node] = self._scalar(node)
            return leaf
        if style.indent and depth >= (self._max_indented_free if node in _FREE else MAX_INDENTED):
            style = SPACED
        key = (node, style, depth if style.indent else 0)
        rule = self._rules.get(key)
        if rule is None:
            rule = self._rules[key] = Rule()
            self._fill(rule, node, style, key[2])
        return rule

    def _is_scalar(self, node: Node) -> bool:
        known = self._scalars.get(node)
        if known is None:
            self._scalars[node] = False  # for recursion, which scalars have no end to
            if isinstance(node, Union):
                known = all(map(self._is_scalar, node.options))
            else:
                known = isinstance(node, Texts | String | Number)
            self._scalars[node] = known
        return known

    def _fill(self, rule: Rule, node: Node, style: Style, depth: int) -> None:
        if isinstance(node, Union):
            rule.pointer = node.pointer
            rule.sequences += [(self.value(option, style, depth),) for option in node.options]
        elif isinstance(node, Anything):
            for kind in (_ANY_ARRAY, _ANY_OBJECT, _ANY_SCALAR):
                rule.sequences.append((self.value(kind, style, depth),))
        elif isinstance(node, Object):
            rule.sequences += self._object(node, style, depth)
        elif isinstance(node, Array):
            rule.sequences += self._array(node, style, depth)

    def _scalar(self, node: Texts | String | Number) -> Symbol:
        if isinstance(node, Texts):
            if len(node.values) == 1:
                return node.values[0]
            return Rule([(value,) for value in node.values])
        if isinstance(node, Number):
            if node.schema is None:
                return _INTEGERS if node.is_integer else _NUMBERS
            lexeme = lexeme_of(node.schema, node.samples)
            return NumberLexemeLeaf(
                lexeme.lark, lexeme.shortest, lexeme.samples, ending=lexeme.ending
            )
        if node.schema is not None:
            lexeme = lexeme_of(node.schema, node.samples)
            return StringLexemeLeaf(
                lexeme.lark, lexeme.shortest, lexeme.samples, ending=lexeme.ending
            )
        key = (node.min_chars, node.max_chars, node.samples)
        leaf = self._strings.get(key)
        if leaf is None:
            leaf = self._strings[key] = self._plain_string(node)
        return leaf

    def _plain_string(self, node: String) -> StringLeaf:
        if node.min_chars > _MAX_MIN_CHARS:
            self.is_exact = False
        least = min(node.min_chars, _MAX_MIN_CHARS)
        variants = [
            text
            for text in (*_STRING_VARIANTS, *node.samples)
            if least <= len(json.loads(text)) <= (node.max_chars or _MAX_MIN_CHARS)
        ]
        return StringLeaf(
            _string_lark(least, node.max_chars),
            b'"' + b"a" * least + b'"',
            tuple(variants),
            min_chars=least,
            max_chars=node.max_chars,
        )

    def _object(self, node: Object, style: Style, depth: int) -> Iterator[Symbols]:
        left, comma, right = _separators(style, depth, "{", "}")
        if not node.min_extras and not any(each.is_required for each in node.members):
            yield (b"{}",)
        taken = tuple(node.declared)
        if any(each.pattern is not None for each in node.extras):
            self.is_exact = False  # costs do not tell whether a pattern has one more name
        extras = [
            (
                _key(each, left, style, taken),
                _key(each, comma, style, taken),
                self.value(each.value, style, depth + 1),
            )
            for each in node.extras
        ]
        first, rest = self._extra_members(node, extras, right.encode())
        for member in reversed(node.members):
            key = f"{json.dumps(member.name, ensure_ascii=False)}{style.colon}"
            value = self.value(member.value, style, depth + 1)
            next_rest = Rule([((comma + key).encode(), value, *_inlined(rest))])
            next_first = Rule([((left + key).encode(), value, *_inlined(rest))])
            if not member.is_required:
                next_rest.sequences.append((rest,))
                if first.sequences:
                    next_first.sequences.append((first,))
            rest, first = next_rest, next_first
        if first.sequences:
            yield (first,)
        if style.indent and depth and not node.members:
            yield (self.value(node, SPACED, 0),)  # as short lists: see `_array`

    def _extra_members(
        self, node: Object, extras: Sequence[tuple[Leaf, Leaf, Symbol]], close: bytes
    ) -> tuple[Rule, Rule]:
        """What comes where no declared member has come, and where one has."""
        is_counted = all(member.is_required for member in node.members)
        least = node.min_extras if is_counted else 0
        most = node.max_extras
        if least > MAX_ITEMS:
            self.is_exact = False
            least, most = MAX_ITEMS, None
        if most == 0:
            return Rule(), Rule([(close,)])
        num_counted = max(least, 1)
        rest = _loop([(key, value) for _, key, value in extras], close, most, num_counted)
        after = rest
        for index in range(num_counted - 1, -1, -1):
            first = Rule([(key, value, after) for key, _, value in extras])
            rest = Rule([(key, value, after) for _, key, value in extras])
            if index >= least:
                rest.sequences.append((close,))
            if index:
                after = rest
        return first, rest

    def _array(self, node: Array, style: Style, depth: int) -> Iterator[Symbols]:
        num_prefix = len(node.prefix)
        least, most = node.min_items, node.max_items
        if node.items is None:
            most = num_prefix if most is None else min(most, num_prefix)
        if least > MAX_ITEMS:
            self.is_exact = False
            least, most = MAX_ITEMS, None
        if most is not None and most < least:
            return
        if least == 0:
            yield (b"[]",)
        if most == 0:
            return
        yield self._items(node, style, depth, _Bounds(least, most))
        if style.indent:
            # Short lists stay on a line in many a pretty document. Where that is forbidden, models
            # that want to write `["` write `[]` instead.
            yield (self.value(node, SPACED, 0),)

    def _items(self, node: Array, style: Style, depth: int, bounds: _Bounds) -> Symbols:
        """An array with items: those of which each has a rule of its own, then a loop."""
        left, comma, right = _separators(style, depth, "[", "]")
        least, most = bounds
        num_prefix = len(node.prefix)

        def item(index: int) -> Symbol:
            inner = node.prefix[index] if index < num_prefix else node.items
            assert inner is not None
            value = self.value(inner, style, depth + 1)
            return _varied(value, index) if node.is_unique else value

        close = right.encode()
        num_counted = max(num_prefix if most is None else min(most, num_prefix), least, 1)
        if node.items is None:
            rest = Rule([(close,)])
        else:
            rest = _loop([(comma.encode(), item(num_counted))], close, most, num_counted)
        for index in range(num_counted - 1, 0, -1):
            previous = Rule([(comma.encode(), item(index), rest)])
            if index >= least:
                previous.sequences.append((close,))
            rest = previous
        return left.encode(), item(0), rest


def _inlined(rule: Rule) -> Symbols:
    """The rule, which is filled, or its only sequence: the parser is faster without a rule."""
    return rule.sequences[0] if len(rule.sequences) == 1 else (rule,)


def _loop(turns: Sequence[Symbols], close: bytes, most: int | None, num_before: int) -> Rule:
    """Any number of turns, with those before them at most `most`, then the end."""
    if most is not None and most <= num_before:
        return Rule([(close,)])
    rest = Rule(is_loop=True, max_turns=None if most is None else most - num_before)
    rest.sequences += [(*turn, rest) for turn in turns]
    rest.sequences.append((close,))
    return rest


def _varied(value: Symbol, index: int) -> Symbol:
    """The same, with another text as the shortest one: so that ends of lists differ."""
    while isinstance(value, Rule) and len(value.sequences) == 1 and len(value.sequences[0]) == 1:
        value = value.sequences[0][0]
    if not isinstance(value, Leaf) or value.shortest is None:
        return value
    texts = dict.fromkeys([value.shortest, *value.variants])
    if isinstance(value, NumberLeaf):
        texts.update(dict.fromkeys(b"%d" % number for number in range(index + 1)))
    elif isinstance(value, StringLeaf) and value.min_chars <= 1 and value.max_chars != 0:
        texts.update(dict.fromkeys(b'"%c"' % letter for letter in b"abcdefghijklmnopqrstuvwxyz"))
    shortest = list(texts)[index % len(texts)]
    others = tuple(text for text in texts if text != shortest)
    return dataclasses.replace(value, shortest=shortest, variants=others)


def _separators(style: Style, depth: int, left: str, right: str) -> tuple[str, str, str]:
    """The opening bracket, what separates items, the closing bracket, each with its whitespace."""
    if not style.indent:
        return left, style.comma, right
    inner = "\n" + " " * (style.indent * (depth + 1))
    return left + inner, style.comma + inner, "\n" + " " * (style.indent * depth) + right


def _string_lark(min_chars: int, max_chars: int | None) -> str:
    if max_chars is None:
        return rf'/"{_CHARACTER}*"/' if not min_chars else rf'/"{_CHARACTER}{{{min_chars},}}"/'
    return rf'/"{_CHARACTER}{{{min_chars},{max_chars}}}"/'


def _key(extra: ExtraMembers, before: str, style: Style, taken: tuple[str, ...]) -> KeyLeaf:
    """An undeclared name with what precedes it and the colon."""
    name, names = _name_lark(extra.pattern, taken)
    opening, closing = f'{before}"', f'"{style.colon}'
    lark = f"{json.dumps(opening)} {name} {json.dumps(closing)}"
    before_name, after_name = opening.encode(), closing.encode()
    if extra.pattern is None:
        shortest = before_name + after_name
        return KeyLeaf(lark, shortest, before=before_name, after=after_name, taken=names)
    example = example_of(extra.pattern)
    samples = () if example is None else (f'"{example}"'.encode(),)
    quoted = lexeme_of_lark(rf'"\"" {name} "\""', samples)
    rest = quoted.ending(b'"')
    return PatternKeyLeaf(
        lark,
        None if rest is None else before_name + rest[:-1] + after_name,
        before=before_name,
        after=after_name,
        taken=names,
        ending=quoted.ending,
    )


@lru_cache(maxsize=512)
def _name_lark(pattern: str | None, taken: tuple[str, ...]) -> tuple[str, frozenset[bytes]]:
    """The grammar of a name that is none of `taken`, and their bytes."""
    name = _NAME if pattern is None else f"({_SAFE_NAME} & /{pattern}/)"
    if taken:
        names = "|".join(re.escape(json.dumps(each, ensure_ascii=False)[1:-1]) for each in taken)
        name = f"({name} & ~/{names.replace('/', chr(92) + '/')}/)"
    return name, frozenset(each.encode("utf-8", "surrogatepass") for each in taken)


_INTEGERS = NumberLeaf(f"/{_INTEGER}/", b"0", _NUMBER_VARIANTS)
_NUMBERS = NumberLeaf(f"/{_INTEGER}{_FRACTION}/", b"0", _NUMBER_VARIANTS)
# Of endings that cost the same the last one is taken: null does not pretend to be a value.
_ANY_SCALAR = Union([Number(), String(), Texts((b"true", b"false", b"null"))])
_ANY_OBJECT = Object((), (ExtraMembers(None, ANYTHING),))
_ANY_ARRAY = Array((), ANYTHING)
_FREE: frozenset[Node] = frozenset([ANYTHING, _ANY_OBJECT, _ANY_ARRAY])
