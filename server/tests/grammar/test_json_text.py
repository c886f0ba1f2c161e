"""Positions in JSON documents, and how to end them from there."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.json_text import (
    START,
    Position,
    advance,
    frames_after_item,
    fresh_suffix,
    item_parts,
)

values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
documents = st.builds(
    lambda value, style, is_ascii: json.dumps(value, ensure_ascii=is_ascii, **style),
    st.dictionaries(st.text(max_size=3), values, max_size=4),
    st.sampled_from([{"separators": (",", ":")}, {}, {"indent": 2}, {"indent": 4}]),
    st.booleans(),
).map(lambda text: text.encode("utf-8", "replace"))

INLINE_IN_LINES = b'{\n  "a": [1, {"b": "\\ud83d\\ude00"}],\n  "c": [\n    2\n  ]\n}'


def ending(position: Position) -> bytes:
    closers = [frame.closer for frame in frames_after_item(position)]
    return b"".join([*item_parts(position), *closers])


def reached(data: bytes) -> Position:
    position = advance(START, data)
    assert position is not None
    return position


def without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


@given(documents)
def test_a_document_can_be_ended_at_every_byte(document: bytes) -> None:
    """In the middle of anything: a character, an escape, a number, an indentation."""
    for cut in range(len(document) + 1):
        whole = document[:cut] + ending(reached(document[:cut]))
        parsed = json.loads(whole.decode("utf-8"), object_pairs_hook=without_repetition)
        assert isinstance(parsed, dict)


@given(documents, st.data())
def test_a_position_does_not_depend_on_how_one_got_there(
    document: bytes, data: st.DataObject
) -> None:
    """Byte by byte, or in any two pieces."""
    position = reached(document)
    split = data.draw(st.integers(0, len(document)))
    assert advance(reached(document[:split]), document[split:]) == position
    one_by_one: Position | None = START
    for index in range(len(document)):
        assert one_by_one is not None
        one_by_one = advance(one_by_one, document[index : index + 1])
    assert one_by_one == position
    assert ending(position) == b""


def test_the_style_of_the_document_is_kept() -> None:
    """Closing writes the line breaks and indentation that the document has."""
    cut = INLINE_IN_LINES.index(b"\n    2")
    assert ending(reached(INLINE_IN_LINES[:cut])) == b"]\n}"
    assert ending(reached(INLINE_IN_LINES[: cut + 2])) == b"   null\n  ]\n}"
    assert ending(reached(b'{"a":[{"b')) == b'":null}]}'
    assert ending(reached(b'{"a": [{"b": 1,')) == b' "": null}]}'
    assert ending(reached(b"{\n  ")) == b'"": null\n}'
    assert ending(reached(b"{\n   ")) == b' "": null\n}'


@pytest.mark.parametrize(
    ("begun", "rest"),
    [
        (b'{"a":"\xf0\x9f', b'\x80\x80"}'),
        (b'{"a":"\xe0', b'\xa0\x80"}'),
        (b'{"a":"\\', b'n"}'),
        (b'{"a":"\\u00', b'00"}'),
        (b'{"a":"\\ud8', b'00\\udc00"}'),
        (b'{"a":"\\uD83d\\u', b'dc00"}'),
        (b'{"a":-', b"0}"),
        (b'{"a":1.', b"0}"),
        (b'{"a":1e+', b"0}"),
        (b'{"a":tr', b"ue}"),
        (b'{"a":1,"a', b'a":null}'),
        (b'{"":1,', b'"a":null}'),
    ],
)
def test_every_lexeme_is_finished_shortly(begun: bytes, rest: bytes) -> None:
    """Half characters, half escapes, half numbers, half words, taken keys."""
    assert ending(reached(begun)) == rest


@pytest.mark.parametrize(
    "document",
    [b'{"a":1,"a"', b'{"a":1,"\\u0061"', b'{"x":{"a":[],"b":2,"a"', b'{"\xc3\xa9":1,"\\u00e9"'],
)
def test_a_key_comes_once_in_an_object(document: bytes) -> None:
    """However it is written."""
    assert advance(START, document) is None


def test_the_same_key_in_another_object_is_fine() -> None:
    """Siblings and children have their own."""
    assert advance(START, b'{"a":{"a":1},"b":[{"a":1},{"a":2}]}') is not None


def test_fresh_keys_are_found_among_many() -> None:
    """The shortest letters that make a difference."""
    keys = frozenset([b"k", *(b"k" + bytes([letter]) for letter in range(ord("a"), ord("z") + 1))])
    assert fresh_suffix(b"k", keys) == b"aa"
    assert fresh_suffix(b"\\u006b", keys) == b"aa"
    assert fresh_suffix(b"other", keys) == b""
