"""Finds calls in the text of an answer, as it comes.

While a constraint guards the answer, the text between two triggers is exactly what the family's
syntax says; the constraint is not taken on faith: what does not follow the syntax is told apart.
Pure: text goes in, pieces come out.
"""

from __future__ import annotations

from typing import Literal

from galop.chat.output.marker import MarkerSearch, Piece
from galop.protocol.constraints import CallSyntax

_State = Literal["text", "opening", "name", "arguments", "end", "next"]


class CallSyntaxError(Exception):
    """The text announces a call and goes on as none."""


class ToolCallParser:
    """Splits the text of one choice into content and calls. White space before calls is dropped."""

    def __init__(self, syntax: CallSyntax) -> None:
        self.num_calls = 0
        self._syntax = syntax
        self._state: _State = "text"
        self._search = MarkerSearch(syntax.trigger)
        self._buffer = ""
        self._name = ""
        self._arguments = _ObjectEnd()

    @property
    def is_inside_call(self) -> bool:
        """True while a call has begun and is not whole."""
        return self._state not in ("text", "next")

    @property
    def num_held(self) -> int:
        """Characters that were taken and belong to no piece yet."""
        return len(self._buffer) + len(self._search.held)

    def add(self, text: str) -> list[Piece]:
        """What is known now. Raises `CallSyntaxError`."""
        self._buffer += text
        pieces: list[Piece] = []
        while self._advance(pieces):
            pass
        return pieces

    def flush(self) -> list[Piece]:
        """What was held back: nothing follows. Raises `CallSyntaxError` inside a call."""
        if self.is_inside_call:
            raise CallSyntaxError("the call is not whole")
        held = self._search.held + self._buffer
        self._search.held = self._buffer = ""
        is_gap = self.num_calls > 0 and not held.strip()
        return [Piece("content", held)] if held and not is_gap else []

    def _advance(self, pieces: list[Piece]) -> bool:
        """One state further; False where more text is needed."""
        syntax = self._syntax
        if self._state == "text":
            return self._find_trigger(pieces)
        if self._state == "opening":
            return self._expect(syntax.before + syntax.begin, "name")
        if self._state == "name":
            return self._read_name()
        if self._state == "arguments":
            return self._read_arguments()
        if self._state == "end":
            return self._read_end(pieces)
        return self._find_next()

    def _find_trigger(self, pieces: list[Piece]) -> bool:
        text, self._buffer = self._buffer, ""
        told, rest = self._search.add(text)
        if told:
            pieces.append(Piece("content", told))
        if rest is None:
            return False
        self._buffer = rest
        self._state = "opening"
        return True

    def _expect(self, literal: str, following: _State) -> bool:
        if self._buffer.startswith(literal):
            self._buffer = self._buffer.removeprefix(literal)
            self._state = following
            return True
        if not literal.startswith(self._buffer):
            raise CallSyntaxError(f"{literal!r} was expected")
        return False

    def _read_name(self) -> bool:
        name, separator, rest = self._buffer.partition(self._syntax.before_arguments)
        if not separator:
            return False
        self._name, self._buffer = name, rest
        self._arguments = _ObjectEnd()
        self._state = "arguments"
        return True

    def _read_arguments(self) -> bool:
        for index in range(self._arguments.num_taken, len(self._buffer)):
            if self._arguments.is_end(self._buffer[index]):
                self._state = "end"
                return True
        return False

    def _read_end(self, pieces: list[Piece]) -> bool:
        size = self._arguments.num_taken
        arguments, ending = self._buffer[:size], self._buffer[size:]
        if not ending.startswith(self._syntax.end):
            if not self._syntax.end.startswith(ending):
                raise CallSyntaxError(f"{self._syntax.end!r} was expected")
            return False
        pieces.append(Piece("call", arguments, name=self._name))
        self.num_calls += 1
        self._buffer = ending.removeprefix(self._syntax.end)
        self._state = "next"
        return True

    def _find_next(self) -> bool:
        another, after = self._syntax.separator + self._syntax.begin, self._syntax.after
        if self._buffer.startswith(another):
            self._buffer = self._buffer.removeprefix(another)
            self._state = "name"
            return True
        if any(
            len(self._buffer) < len(each) and each.startswith(self._buffer)
            for each in (another, after)
        ):
            return False
        self._buffer = self._buffer.removeprefix(after)
        self._search = MarkerSearch(self._syntax.trigger)
        self._state = "text"
        return True


class _ObjectEnd:
    """Where a JSON object ends, told by its brackets and strings."""

    def __init__(self) -> None:
        self.num_taken = 0
        self._depth = 0
        self._is_in_string = False
        self._is_escaped = False

    def is_end(self, character: str) -> bool:
        """Takes one character; True for the bracket that closes the first one."""
        self.num_taken += 1
        if self._is_in_string:
            if self._is_escaped:
                self._is_escaped = False
            elif character == "\\":
                self._is_escaped = True
            elif character == '"':
                self._is_in_string = False
            return False
        if character == "{" or (character == "[" and self._depth):
            self._depth += 1
        elif character in "}]":
            self._depth -= 1
            return self._depth == 0
        elif not self._depth and not character.isspace():
            raise CallSyntaxError("the arguments are not an object")
        elif character == '"':
            self._is_in_string = True
        return False
