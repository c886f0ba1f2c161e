"""Parses calls in the text of a choice, incrementally.

The constraint makes the model follow the call syntax. The parser does not rely on it: it raises
`CallSyntaxError` on text that does not follow the syntax.
"""

from __future__ import annotations

from typing import Literal

from galop.chat.output.segments import MarkerSearch, Segment
from galop.protocol.constraints import CallSyntax

_State = Literal["text", "opening", "name", "arguments", "end", "next"]


class CallSyntaxError(Exception):
    """The text has the trigger of a call and does not follow the call syntax."""


class ToolCallParser:
    """Splits the text of one choice into content and calls. Drops white space before calls."""

    def __init__(self, syntax: CallSyntax) -> None:
        self.num_calls = 0
        self._syntax = syntax
        self._state: _State = "text"
        self._search = MarkerSearch(syntax.trigger)
        self._buffer = ""
        self._name = ""
        self._arguments = _ObjectScanner()

    @property
    def is_inside_call(self) -> bool:
        """True between the beginning and the end of a call."""
        return self._state not in ("text", "next")

    @property
    def num_held(self) -> int:
        """Characters that are held back."""
        return len(self._buffer) + len(self._search.held)

    def add(self, text: str) -> list[Segment]:
        """The segments that are certain now. Raises `CallSyntaxError`."""
        self._buffer += text
        segments: list[Segment] = []
        while self._advance(segments):
            pass
        return segments

    def flush(self) -> list[Segment]:
        """The segments that were held back, at the end of the text. Raises `CallSyntaxError` inside a call."""
        if self.is_inside_call:
            raise CallSyntaxError("the call is incomplete")
        held = self._search.held + self._buffer
        self._search.held = self._buffer = ""
        is_gap = self.num_calls > 0 and not held.strip()
        return [Segment("content", held)] if held and not is_gap else []

    def _advance(self, segments: list[Segment]) -> bool:
        """Go on to the next state; False if that needs more text."""
        syntax = self._syntax
        if self._state == "text":
            return self._find_trigger(segments)
        if self._state == "opening":
            return self._expect(syntax.before + syntax.begin, "name")
        if self._state == "name":
            return self._read_name()
        if self._state == "arguments":
            return self._read_arguments()
        if self._state == "end":
            return self._read_end(segments)
        return self._find_next()

    def _find_trigger(self, segments: list[Segment]) -> bool:
        text, self._buffer = self._buffer, ""
        before, rest = self._search.add(text)
        if before:
            segments.append(Segment("content", before))
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
        self._arguments = _ObjectScanner()
        self._state = "arguments"
        return True

    def _read_arguments(self) -> bool:
        for index in range(self._arguments.num_scanned, len(self._buffer)):
            if self._arguments.is_end(self._buffer[index]):
                self._state = "end"
                return True
        return False

    def _read_end(self, segments: list[Segment]) -> bool:
        size = self._arguments.num_scanned
        arguments, ending = self._buffer[:size], self._buffer[size:]
        if not ending.startswith(self._syntax.end):
            if not self._syntax.end.startswith(ending):
                raise CallSyntaxError(f"{self._syntax.end!r} was expected")
            return False
        segments.append(Segment("call", arguments, name=self._name))
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


class _ObjectScanner:
    """Finds the end of a JSON object by its brackets and strings."""

    def __init__(self) -> None:
        self.num_scanned = 0
        self._depth = 0
        self._is_in_string = False
        self._is_escaped = False

    def is_end(self, character: str) -> bool:
        """Scan one character; True if it closes the object. Raises `CallSyntaxError` before an object."""
        self.num_scanned += 1
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
