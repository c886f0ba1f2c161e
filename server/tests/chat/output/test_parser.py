"""The text of a choice, taken apart."""

from __future__ import annotations

import pytest

from galop.chat.formats import hermes_syntax
from galop.chat.output.parser import OutputParser
from galop.chat.output.reasoning import ReasoningParser
from galop.chat.output.segments import Segment
from galop.chat.output.stop import StopMatcher
from galop.chat.output.tool_calls import ToolCallParser

CALL = '<tool_call>\n{"name": "f", "arguments": {"a": "STOP"}}\n</tool_call>'


def parser(*stops: str) -> OutputParser:
    return OutputParser(
        reasoning=ReasoningParser(is_open=None),
        calls=ToolCallParser(hermes_syntax()),
        stop_matcher=StopMatcher(stops) if stops else None,
    )


def read(parser: OutputParser, text: str, size: int) -> list[tuple[str, str]]:
    """Kind and text of what is read, neighbours joined."""
    segments: list[Segment] = []
    for start in range(0, len(text), size):
        segments += parser.add(text[start : start + size])
        if parser.is_stopped:
            break
    else:
        segments += parser.flush()
    joined: list[tuple[str, str]] = []
    for segment in segments:
        if joined and joined[-1][0] == segment.kind:
            joined[-1] = (segment.kind, joined[-1][1] + segment.text)
        else:
            joined.append((segment.kind, segment.text))
    return joined


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_stop_sequences_match_in_content_only(size: int) -> None:
    """Not in reasoning, not in a call."""
    text = f"<think>STOP</think>Well STO.\n{CALL}"
    assert read(parser("STOP"), text, size) == [
        ("reasoning", "STOP"),
        ("content", "Well STO."),
        ("call", '{"a": "STOP"}'),
    ]


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_a_stop_sequence_in_content_ends_the_answer(size: int) -> None:
    """Later text is dropped, calls included."""
    stopped = parser("STOP")
    assert read(stopped, f"Well, STOP. {CALL}", size) == [("content", "Well, ")]
    assert stopped.is_stopped


def test_characters_that_are_held_back_are_counted() -> None:
    """Log probabilities are held back by that number."""
    waiting = parser("STOP")
    for text, num_held in [("Well S", 1), ("o \n<tool", 7), ("_call>", 11)]:
        waiting.add(text)
        assert waiting.num_held == num_held


def test_without_stages_everything_is_content() -> None:
    """Nothing is held back."""
    plain = OutputParser()
    assert plain.is_plain
    assert plain.add("<think>") == [Segment("content", "<think>")]
    assert plain.flush() == []
