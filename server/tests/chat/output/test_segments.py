"""The search for a marker in text that arrives in chunks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.chat.output.segments import MarkerSearch


def search(text: str, size: int, marker: str = "</t>") -> tuple[str, str | None]:
    """The text before the marker and the text from it on, from chunks of `size` characters."""
    finder = MarkerSearch(marker)
    before = ""
    for start in range(0, len(text), size):
        found, rest = finder.add(text[start : start + size])
        before += found
        if rest is not None:
            return before, rest + text[start + size :]
    return before + finder.held, None


@pytest.mark.parametrize(
    ("text", "before", "rest"),
    [
        ("a b</t>c", "a b", "</t>c"),
        ("a \n</t>", "a", "</t>"),
        ("</t></t>", "", "</t></t>"),
        ("a </ t> b", "a </ t> b", None),
        ("<</t>", "<", "</t>"),
        ("a  ", "a  ", None),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_the_text_is_split_at_the_first_marker(
    text: str, before: str, rest: str | None, size: int
) -> None:
    """White space before the marker is dropped; other white space is kept."""
    assert search(text, size) == (before, rest)


@given(st.text(alphabet="ab ", max_size=20), st.text(alphabet="ab ", max_size=5), st.integers(1, 4))
def test_chunks_do_not_change_the_result(before: str, after: str, size: int) -> None:
    """Any text, any size of chunks."""
    text = f"{before}ab!{after}"
    expected = text[: text.index("ab!")].rstrip(), text[text.index("ab!") :]
    assert search(text, size, marker="ab!") == expected


def test_only_a_possible_marker_is_held_back() -> None:
    """And white space, which may precede one."""
    finder = MarkerSearch("</t>")
    assert finder.add("abc </") == ("abc", None)
    assert finder.held == " </"
    assert finder.add("x") == (" </x", None)
    assert finder.held == ""
