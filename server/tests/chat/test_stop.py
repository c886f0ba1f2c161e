"""Stop sequences in text that comes in pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from galop.chat.stop import StopMatcher


def run(stop: list[str], pieces: list[str]) -> tuple[str, bool]:
    matcher = StopMatcher(stop)
    text = "".join(matcher.feed(piece) for piece in pieces)
    return text + matcher.flush(), matcher.has_matched


def test_text_before_the_stop_comes_out_at_once() -> None:
    """Only what may be the beginning of a stop sequence is held back."""
    matcher = StopMatcher([", 6"])
    assert matcher.feed("4, 5") == "4, 5"
    assert matcher.feed(", ") == ""
    assert matcher.feed("6, 7") == ""
    assert matcher.has_matched


def test_what_turned_out_harmless_is_given_out() -> None:
    """A false start is text like any other."""
    matcher = StopMatcher(["abc"])
    assert matcher.feed("xab") == "x"
    assert matcher.feed("d") == "abd"


def test_the_match_that_is_complete_first_wins() -> None:
    """Not the first in the list; and the longest of those that end together."""
    assert run(["cd", "b"], ["abcd"]) == ("a", True)
    assert run(["c", "bc"], ["abcd"]) == ("a", True)


def test_held_text_comes_out_at_the_end() -> None:
    """An answer that ends inside a possible stop sequence loses nothing."""
    assert run(["END"], ["the E", "N"]) == ("the EN", False)


def test_the_space_before_a_stop_is_kept() -> None:
    """As the original service does."""
    assert run(["6"], ["5, 6"]) == ("5, ", True)


texts = st.text("ab,", max_size=24)
stops = st.lists(st.text("ab,", min_size=1, max_size=4), max_size=4)


@given(text=texts, stop=stops, cuts=st.lists(st.integers(0, 24), max_size=8))
def test_pieces_make_no_difference(text: str, stop: list[str], cuts: list[int]) -> None:
    """However the text is cut, the result is that of looking at all of it at once."""
    positions = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in zip(positions, positions[1:], strict=False)]
    matches = [(text.find(each) + len(each), text.find(each)) for each in stop if each in text]
    expected = (text[: min(matches)[1]], True) if matches else (text, False)
    assert run(stop, pieces) == expected
