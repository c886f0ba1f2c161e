"""Stop sequences in JSON mode: only the text of string values counts.

Keys, punctuation and whitespace never match, so `stop="\\n"` or `stop="}"` cannot break a document, and
escapes are compared as the characters they stand for. After a match the document is closed from where
the stop sequence began: `closing_text`.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence

from galop.chat.output.stop import StopAutomaton
from galop.grammar.json_text import START, Mode, advance, ending


class JsonStopMatcher:
    """`StopMatcher` for the text of one JSON document."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._automata = [StopAutomaton(stop) for stop in stops]
        self._position = START
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
            was_inside = self._position.mode is Mode.STRING
            position = advance(self._position, character.encode())
            assert position is not None, "the grammar refuses keys that are taken"
            self._position = position
            if not was_inside or position.mode is not Mode.STRING:
                shown.append(self._release_all())
                continue
            self._unit += character
            if position.pending:
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


def closing_text(document: str) -> str:
    """The shortest text that makes the beginning of a document whole."""
    position = advance(START, document.encode())
    assert position is not None, "the grammar refuses keys that are taken"
    return ending(position).decode()
