"""Stop sequences in JSON mode: only the text of string values counts.

Keys, punctuation and whitespace never match, so `stop="\\n"` or `stop="}"` cannot break a document, and
escapes are compared as the characters they stand for. After a match the document is closed from where
the stop sequence began: see `DocumentSpec.ending`.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence

from galop.chat.output.stop import StopAutomaton
from galop.grammar.characters import pending_character


class JsonStopMatcher:
    """`StopMatcher` for the text of one JSON document."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._automata = [StopAutomaton(stop) for stop in stops]
        self._scanner = _Scanner()
        self._held = ""
        self._sizes: deque[int] = deque()
        """How much of the held text stands for each character of the string value, oldest first."""
        self._unit = ""
        """The beginning of an escape; held as well."""

    def add(self, text: str) -> tuple[str, bool]:
        """See `StopMatcher.add`."""
        shown = []
        for character in text:
            self._held += character
            was_inside = self._scanner.is_in_value
            self._scanner.take(character)
            if not was_inside or not self._scanner.is_in_value:
                shown.append(self._release_all())
                continue
            self._unit += character
            if self._scanner.is_in_escape:
                continue
            if num_stop := self._take_unit():
                cut = sum(list(self._sizes)[-num_stop:])
                shown.append(self._held[: len(self._held) - cut])
                self._held = ""
                return "".join(shown), True
            shown.append(self._release())
        return "".join(shown), False

    def flush(self) -> str:
        """See `StopMatcher.flush`."""
        return self._release_all()

    def _take_unit(self) -> int:
        """Advance by one character of the string value; the length of the stop it completes."""
        self._sizes.append(len(self._unit))
        value = json.loads(f'"{self._unit}"')
        self._unit = ""
        return max((len(each.stop) for each in self._automata if each.advance(value)), default=0)

    def _release(self) -> str:
        """What can no longer be the beginning of a stop sequence."""
        num_held = max(automaton.num_matched for automaton in self._automata)
        size = 0
        while len(self._sizes) > num_held:
            size += self._sizes.popleft()
        released, self._held = self._held[:size], self._held[size:]
        return released

    def _release_all(self) -> str:
        for automaton in self._automata:
            automaton.num_matched = 0
        self._sizes.clear()
        self._unit = ""
        released, self._held = self._held, ""
        return released


class _Scanner:
    """Where in a JSON document its text has got to: inside of a string value, or elsewhere."""

    def __init__(self) -> None:
        self.is_in_value = False
        """Inside of a string that is a value."""
        self._is_in_key = False
        self._escape = ""
        """The beginning of an escape."""
        self._objects: list[bool] = []
        """For every open container, the outermost first, whether it is an object."""
        self._expects_key = False

    @property
    def is_in_escape(self) -> bool:
        """True inside of an escape, or between the two of a surrogate pair."""
        return bool(self._escape)

    def take(self, character: str) -> None:
        """Advance by one character."""
        if self.is_in_value or self._is_in_key:
            self._take_in_string(character)
        elif character == '"':
            self._is_in_key, self.is_in_value = self._expects_key, not self._expects_key
            self._expects_key = False
        elif character in "{[":
            self._objects.append(character == "{")
            self._expects_key = character == "{"
        elif character in "}]":
            self._objects.pop()
        elif character == ",":
            self._expects_key = self._objects[-1]

    def _take_in_string(self, character: str) -> None:
        if self._escape or character == "\\":
            self._escape += character
            if not pending_character(self._escape.encode()):
                self._escape = ""
        elif character == '"':
            self.is_in_value = self._is_in_key = False
