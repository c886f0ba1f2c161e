"""Where in a JSON document a text has got to, and the shortest text that ends the document there.

Follows documents of the grammar in `json_object` byte by byte. It trusts that the grammar has let the
bytes through and refuses one thing itself: a key that its object already has. Pure: positions are
values, `advance` makes a new one. Knows nothing of tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import IntEnum
from itertools import product
from typing import NamedTuple

MINIMAL_VALUE = b"null"
"""What closing puts where a value must come: it does not pretend to be one."""

_SPECIAL_IN_STRING = re.compile(rb'["\\]')
_NUMBER_BYTES = frozenset(b"0123456789+-.eE")
_LITERALS = {ord("t"): b"rue", ord("f"): b"alse", ord("n"): b"ull"}
_QUOTE, _BACKSLASH, _NEWLINE, _SPACE = b'"\\\n '


class Mode(IntEnum):
    """What comes next."""

    START = 0
    OPENED = 1  # a bracket was opened: an item, a line break or the closing bracket
    INDENT_ITEM = 2  # spaces, then an item
    INDENT_CLOSE = 3  # spaces, then the closing bracket
    ITEM = 4  # an item, on the same line
    KEY = 5  # inside a key
    AFTER_KEY = 6
    COLON = 7  # after the colon: perhaps a space, then a value
    VALUE = 8
    STRING = 9  # inside a string value
    NUMBER = 10
    LITERAL = 11
    AFTER_VALUE = 12
    COMMA = 13  # after the comma: perhaps a space or a line break, then an item
    DONE = 14


# By name, because looking a member up in its class takes longer than all else that a byte needs.
OPENED, INDENT_ITEM, INDENT_CLOSE = Mode.OPENED, Mode.INDENT_ITEM, Mode.INDENT_CLOSE
ITEM, KEY, AFTER_KEY, COLON = Mode.ITEM, Mode.KEY, Mode.AFTER_KEY, Mode.COLON
VALUE, STRING, NUMBER, LITERAL = Mode.VALUE, Mode.STRING, Mode.NUMBER, Mode.LITERAL
AFTER_VALUE, COMMA, DONE = Mode.AFTER_VALUE, Mode.COMMA, Mode.DONE


class Style(IntEnum):
    """How the document writes its whitespace: chosen once, by its first structural bytes."""

    UNKNOWN = 0
    COMPACT = 1
    SPACED = 2
    INDENTED = 3


class Frame(NamedTuple):
    """An open object or array."""

    parent: Frame | None
    is_object: bool
    indent: int | None = None
    """Spaces before each item; None where the items share a line."""
    keys: frozenset[bytes] = frozenset()

    @property
    def outer_indent(self) -> int:
        """Spaces before the closing bracket, if it has a line of its own."""
        return (self.parent.indent or 0) if self.parent else 0

    @property
    def bracket(self) -> bytes:
        """The closing one."""
        return b"}" if self.is_object else b"]"

    @property
    def closer(self) -> bytes:
        """What ends the frame after an item."""
        if self.indent is None:
            return self.bracket
        return b"\n" + b" " * self.outer_indent + self.bracket


class Position(NamedTuple):
    """A point in a document."""

    mode: Mode = Mode.START
    frame: Frame | None = None
    style: Style = Style.UNKNOWN
    unit: int = 0
    """Spaces per level of an indented document, 0 while the first line is still being indented."""
    text: bytes = b""
    """The lexeme so far: of a key, a number or an indentation; of a literal what is missing."""
    pending: bytes = b""
    """In a string: the beginning of an escape or of a UTF-8 character."""

    @property
    def is_in_string(self) -> bool:
        """In a key or string, between two characters."""
        return (self.mode is STRING or self.mode is KEY) and not self.pending


START = Position()


def advance(position: Position, data: bytes) -> Position | None:
    """The position after `data`; None if that completes a key for the second time."""
    walk = _Walk(position)
    index = 0
    while index < len(data):
        next_index = walk.take(data, index)
        if next_index is None:
            return None
        index = next_index
    return walk.position()


def item_parts(position: Position, *, with_fresh_keys: bool = True) -> Iterator[bytes]:
    """Texts that together end the item: then `frames_after_item` are to be closed.

    Without fresh keys the letters are left out that keep an invented key apart from its siblings.
    """
    mode, frame, text = position.mode, position.frame, position.text
    if mode is Mode.START:
        yield b"{}"
    if frame is None:
        return
    if mode is OPENED:
        yield frame.bracket
    elif mode is INDENT_CLOSE:
        yield b" " * (frame.outer_indent - len(text)) + frame.bracket
    elif mode is INDENT_ITEM:
        # Before the unit is known the root has no indent yet: the nearer of the two it can have.
        indent = frame.indent or (2 if len(text) <= 2 else 4)
        yield b" " * (indent - len(text))
        yield from _minimal_item(position, frame, with_fresh_keys)
    elif mode is COMMA:
        if frame.indent is not None:
            yield b"\n" + b" " * frame.indent
        elif position.style != Style.COMPACT:
            yield b" "
        yield from _minimal_item(position, frame, with_fresh_keys)
    elif mode is ITEM:
        yield from _minimal_item(position, frame, with_fresh_keys)
    elif mode is KEY:
        rest = completion(position.pending)
        yield rest
        if with_fresh_keys:
            yield fresh_suffix(text + rest, frame.keys)
        yield b'"' + _separator(position) + MINIMAL_VALUE
    elif mode is AFTER_KEY:
        yield _separator(position) + MINIMAL_VALUE
    elif mode is COLON:
        yield _separator(position)[1:] + MINIMAL_VALUE
    elif mode is VALUE:
        yield MINIMAL_VALUE
    elif mode is STRING:
        yield completion(position.pending)
        yield b'"'
    elif mode is NUMBER:
        yield b"" if text[-1:].isdigit() else b"0"
    elif mode is LITERAL:
        yield text


def frames_after_item(position: Position) -> Iterator[Frame]:
    """The frames that are still open when the item has ended, the innermost first."""
    frame = position.frame
    if frame is not None and (position.mode is OPENED or position.mode is INDENT_CLOSE):
        frame = frame.parent
    while frame is not None:
        yield frame
        frame = frame.parent


def ending(position: Position) -> bytes:
    """The shortest text that ends the document from here."""
    return b"".join([*item_parts(position), *(each.closer for each in frames_after_item(position))])


def needs_key(position: Position) -> bool:
    """True if closing invents a key, or the end of one."""
    mode, frame = position.mode, position.frame
    if mode is KEY:
        return True
    is_before_item = mode is ITEM or mode is COMMA or mode is INDENT_ITEM
    return is_before_item and frame is not None and frame.is_object


def key_of(raw: bytes) -> bytes:
    """The key that `raw`, the text between the quotes, stands for."""
    if b"\\" not in raw:
        return raw
    key: str = json.loads(b'"' + raw + b'"')
    return key.encode()


def fresh_suffix(raw: bytes, keys: frozenset[bytes]) -> bytes:
    """The shortest letters that turn the beginning of a key into one that is not taken."""
    key = key_of(raw)
    length = 0
    while True:
        for letters in product(b"abcdefghijklmnopqrstuvwxyz", repeat=length):
            if key + bytes(letters) not in keys:
                return bytes(letters)
        length += 1


def _minimal_item(position: Position, frame: Frame, with_fresh_keys: bool) -> Iterator[bytes]:
    if frame.is_object:
        yield b'"'
        if with_fresh_keys:
            yield fresh_suffix(b"", frame.keys)
        yield b'"' + _separator(position) + MINIMAL_VALUE
    else:
        yield MINIMAL_VALUE


def _separator(position: Position) -> bytes:
    return b":" if position.style <= Style.COMPACT else b": "


def completion(pending: bytes) -> bytes:
    """The rest of an escape or of a UTF-8 character."""
    if not pending:
        return b""
    if pending[0] != _BACKSLASH:
        return _character_completion(pending)
    if len(pending) == 1:
        return b"n"
    if len(pending) < 6:
        # Two hexadecimal digits may be a low half already; then 0 is out of the question.
        digits = pending[2:]
        if digits[:1] in (b"d", b"D") and digits[1:2] >= b"8":
            high = b"0" * (4 - len(digits))
            return high + b"\\udc00"
        return b"0" * (4 - len(digits))
    low = b"\\udc00"
    return low[len(pending) - 6 :]


def _character_completion(pending: bytes) -> bytes:
    """The lowest continuation bytes that make a character (Unicode 16.0, table 3-7)."""
    missing = _num_character_bytes(pending[0]) - len(pending)
    if missing <= 0:
        return b""
    second = {0xE0: 0xA0, 0xF0: 0x90}.get(pending[0], 0x80) if len(pending) == 1 else 0x80
    return bytes([second]) + b"\x80" * (missing - 1)


def _num_character_bytes(lead: int) -> int:
    if lead < 0x80:
        return 1
    return 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def is_whole(pending: bytes) -> bool:
    """True if an escape or a character has all its bytes."""
    if pending[0] != _BACKSLASH:
        return len(pending) >= _num_character_bytes(pending[0])
    if len(pending) < 2 or pending[1] != ord("u"):
        return len(pending) == 2
    if len(pending) < 6:
        return False
    is_high_half = pending[2] in b"dD" and pending[3] in b"89abAB"
    return len(pending) == (12 if is_high_half else 6)


def unfinished_character(data: bytes) -> bytes:
    """The bytes at the end of `data` that begin a character and do not end it."""
    for size in range(1, min(3, len(data)) + 1):
        byte = data[-size]
        if byte >= 0xC0:
            return data[-size:] if _num_character_bytes(byte) > size else b""
        if byte < 0x80:
            return b""
    return b""


class _Walk:
    """A position in motion."""

    def __init__(self, position: Position) -> None:
        self.mode = position.mode
        self.frame = position.frame
        self.style = position.style
        self.unit = position.unit
        self.text = position.text
        self.pending = position.pending

    def position(self) -> Position:
        return Position(self.mode, self.frame, self.style, self.unit, self.text, self.pending)

    def take(self, data: bytes, index: int) -> int | None:
        """Take bytes from `index` on; the index of the next one, None for a second key."""
        mode = self.mode
        if mode is STRING or mode is KEY:
            return self._take_characters(data, index)
        byte = data[index]
        if mode is NUMBER:
            if byte in _NUMBER_BYTES:
                self.text += data[index : index + 1]
                return index + 1
            self.mode = mode = AFTER_VALUE
        elif mode is COLON:
            if self.style == Style.UNKNOWN:
                self.style = Style.SPACED if byte == _SPACE else Style.COMPACT
            self.mode = mode = VALUE
            if byte == _SPACE:
                return index + 1
        elif mode is OPENED and byte not in b"]}\n":
            self.mode = mode = ITEM
        elif mode is COMMA:
            if byte == _NEWLINE:
                self.mode, self.text = INDENT_ITEM, b""
                return index + 1
            self.mode = mode = ITEM
            if byte == _SPACE:
                return index + 1
        elif mode is INDENT_ITEM or mode is INDENT_CLOSE:
            if byte == _SPACE:
                self.text += b" "
                return index + 1
            if mode is INDENT_ITEM:
                self._learn_unit()
            self.mode = mode = ITEM if mode is INDENT_ITEM else AFTER_VALUE
        self._take_structural(mode, byte)
        return index + 1

    def _take_structural(self, mode: Mode, byte: int) -> None:
        frame = self.frame
        if mode is LITERAL:
            self.text = self.text[1:]
            if not self.text:
                self.mode = AFTER_VALUE
        elif mode is AFTER_KEY:
            self.mode = COLON
        elif byte in b"]}":
            assert frame is not None
            self.frame = frame.parent
            self.mode = DONE if frame.parent is None else AFTER_VALUE
        elif mode is AFTER_VALUE:
            self.mode, self.text = (COMMA, b"") if byte != _NEWLINE else (INDENT_CLOSE, b"")
        elif mode is OPENED:
            self._open_lines()
        elif mode is ITEM and frame is not None and frame.is_object:
            self.mode, self.text = KEY, b""
        else:
            self._begin_value(byte)

    def _begin_value(self, byte: int) -> None:
        if byte == _QUOTE:
            self.mode = STRING
        elif byte in b"[{":
            self.frame = Frame(self.frame, byte == ord("{"))
            self.mode = OPENED
        elif byte in _LITERALS:
            self.mode, self.text = LITERAL, _LITERALS[byte]
        else:
            self.mode, self.text = NUMBER, bytes([byte])

    def _open_lines(self) -> None:
        """A line break after the opening bracket: every item gets its own line."""
        assert self.frame is not None
        self.style = Style.INDENTED
        self.mode, self.text = INDENT_ITEM, b""
        # 0 stands for the unit that the root's first line will tell.
        self.frame = self.frame._replace(indent=self.frame.outer_indent + self.unit)

    def _learn_unit(self) -> None:
        if not self.unit and self.frame is not None:
            self.unit = len(self.text)
            self.frame = self.frame._replace(indent=self.unit)

    def _take_characters(self, data: bytes, index: int) -> int | None:
        """Inside a key or string: up to the closing quote, or all that is there."""
        start = index
        while index < len(data):
            if self.pending:
                self.pending += data[index : index + 1]
                index += 1
                if is_whole(self.pending):
                    self.pending = b""
                continue
            found = _SPECIAL_IN_STRING.search(data, index)
            end = found.start() if found else len(data)
            if found is None:
                self.pending = unfinished_character(data[index:])
                index = end
            elif data[end] == _BACKSLASH:
                self.pending = b"\\"
                index = end + 1
            else:
                return self._close_string(data[start:end], end + 1)
        if self.mode is KEY:
            self.text += data[start:]
        return index

    def _close_string(self, last_bytes: bytes, next_index: int) -> int | None:
        if self.mode is STRING:
            self.mode = AFTER_VALUE
            return next_index
        assert self.frame is not None
        key = key_of(self.text + last_bytes)
        if key in self.frame.keys:
            return None
        self.frame = self.frame._replace(keys=self.frame.keys | {key})
        self.mode, self.text = AFTER_KEY, b""
        return next_index
