"""The text of a choice, taken apart."""

from __future__ import annotations

import pytest

from galop.chat.formats import hermes_syntax
from galop.chat.output.marker import Piece
from galop.chat.output.parser import OutputParser
from galop.chat.output.reasoning import ReasoningParser
from galop.chat.output.stop import StopMatcher
from galop.chat.output.tool_calls import ToolCallParser

CALL = '<tool_call>\n{"name": "f", "arguments": {"a": "STOP"}}\n</tool_call>'


def reader(*stops: str) -> OutputParser:
    return OutputParser(
        reasoning=ReasoningParser(is_open=None),
        calls=ToolCallParser(hermes_syntax()),
        stop_matcher=StopMatcher(stops) if stops else None,
    )


def read(reader: OutputParser, text: str, size: int) -> list[tuple[str, str]]:
    """Kind and text of what is read, neighbours joined."""
    pieces: list[Piece] = []
    for start in range(0, len(text), size):
        pieces += reader.add(text[start : start + size])
        if reader.is_stopped:
            break
    else:
        pieces += reader.flush()
    joined: list[tuple[str, str]] = []
    for piece in pieces:
        if joined and joined[-1][0] == piece.kind:
            joined[-1] = (piece.kind, joined[-1][1] + piece.text)
        else:
            joined.append((piece.kind, piece.text))
    return joined


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_stop_sequences_count_in_content_alone(size: int) -> None:
    """Not in what is thought, not in a call."""
    text = f"<think>STOP</think>Well STO.\n{CALL}"
    assert read(reader("STOP"), text, size) == [
        ("reasoning", "STOP"),
        ("content", "Well STO."),
        ("call", '{"a": "STOP"}'),
    ]


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_a_stop_sequence_in_content_ends_the_answer(size: int) -> None:
    """What follows it, calls included, is not read."""
    stopped = reader("STOP")
    assert read(stopped, f"Well, STOP. {CALL}", size) == [("content", "Well, ")]
    assert stopped.is_stopped


def test_what_is_held_back_is_counted() -> None:
    """So that log probabilities wait for the text of their tokens."""
    waiting = reader("STOP")
    for text, num_held in [("Well S", 1), ("o \n<tool", 7), ("_call>", 11)]:
        waiting.add(text)
        assert waiting.num_held == num_held


def test_without_stages_everything_is_content() -> None:
    """At once."""
    plain = OutputParser()
    assert plain.is_plain
    assert plain.add("<think>") == [Piece("content", "<think>")]
    assert plain.flush() == []
