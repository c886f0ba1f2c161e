"""Stop sequences, found wherever the text is torn."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.chat.output.stop import StopMatcher


def shown(stops: Sequence[str], pieces: Sequence[str]) -> tuple[str, bool]:
    """The content from these chunks, and True if a stop sequence ended it."""
    matcher = StopMatcher(stops)
    text = ""
    for piece in pieces:
        more, is_stopped = matcher.add(piece)
        text += more
        if is_stopped:
            return text, True
    return text + matcher.flush(), False


def expected(stops: Sequence[str], text: str) -> tuple[str, bool]:
    """By definition: the first end of a stop sequence, the longest of those that end there."""
    for end in range(1, len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            return text[: end - max(map(len, found))], True
    return text, False


few_letters = st.text(alphabet="ab", max_size=12)
few_stops = st.lists(st.text(alphabet="ab", min_size=1, max_size=5), min_size=1, max_size=4)


@given(few_stops, few_letters)
def test_chunks_do_not_change_the_result(stops: list[str], text: str) -> None:
    """Split at every point, or into single characters, the result is that of the definition."""
    assert shown(stops, list(text)) == expected(stops, text)
    for split in range(len(text) + 1):
        assert shown(stops, [text[:split], text[split:]]) == expected(stops, text)


@given(few_stops, st.lists(few_letters, max_size=4))
def test_returned_text_always_precedes_the_stop_sequence(
    stops: list[str], pieces: list[str]
) -> None:
    """And only the possible beginning of a stop sequence is held back."""
    matcher = StopMatcher(stops)
    text = ""
    for count, piece in enumerate(pieces, start=1):
        more, is_stopped = matcher.add(piece)
        text += more
        assert expected(stops, "".join(pieces))[0].startswith(text)
        if is_stopped:
            return
        held = "".join(pieces[:count])[len(text) :]
        assert held == "" or any(stop.startswith(held) for stop in stops)


@pytest.mark.parametrize(
    ("stops", "pieces", "answer"),
    [
        ([", 6"], ["1, 2, 3, 4, 5,", " ", "6, 7"], "1, 2, 3, 4, 5"),
        (["]", "\n"], ["a", "b\nc]"], "ab"),
        (["🙂"], ["so ", "🙂", "x"], "so "),
        (["abcd", "bc"], ["ab", "cd"], "a"),
    ],
)
def test_examples(stops: list[str], pieces: list[str], answer: str) -> None:
    """The page's own example, several sequences, an emoji, and one sequence inside another."""
    assert shown(stops, pieces) == (answer, True)


def test_the_time_is_linear_for_a_long_sequence() -> None:
    """100,000 characters that almost match the sequence."""
    assert shown(["a" * 20_000 + "b"], ["a" * 100_000])[0] == "a" * 100_000
