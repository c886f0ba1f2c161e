"""Stop sequences in JSON mode."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.chat.output.documents import JsonObjectSpec
from galop.chat.output.json_stop import JsonStopMatcher


def run(document: str, *stops: str) -> tuple[str, bool]:
    """The document as the caller gets it, and whether a stop sequence ended it."""
    matcher = JsonStopMatcher(stops)
    shown = ""
    for character in document:
        text, is_stopped = matcher.add(character)
        shown += text
        if is_stopped:
            ending = JsonObjectSpec().ending(shown)
            assert ending is not None
            return shown + ending, True
    return shown + matcher.flush(), False


def test_a_stop_sequence_ends_the_string_and_the_document_is_closed() -> None:
    """The text before it stays; open strings and containers are closed in the document's own style."""
    document = '{\n  "a": "one STOP two",\n  "b": [1, 2]\n}'
    assert run(document, "STOP") == ('{\n  "a": "one "\n}', True)


@pytest.mark.parametrize("stop", ["\n", "{", "}", '"', ": ", ",", "a", "1", "true"])
def test_structure_keys_and_numbers_never_match(stop: str) -> None:
    """`stop="\\n"` or `stop="}"` changes nothing."""
    document = '{\n  "a": 1,\n  "b": true\n}'
    assert run(document, stop) == (document, False)


def test_escapes_count_as_the_characters_they_stand_for() -> None:
    """A line break inside a string is written as two characters and is one."""
    assert run('{"a":"x\\ny"}', "\n") == ('{"a":"x"}', True)
    assert run('{"a":"x\\u00e9y"}', "éy") == ('{"a":"x"}', True)
    assert run('{"a":"x\\ny"}', "n") == ('{"a":"x\\ny"}', False)


def test_a_stop_sequence_does_not_span_strings() -> None:
    """The matcher restarts with every string."""
    document = '{"a":"xS","b":"Ty"}'
    assert run(document, "ST") == (document, False)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text('abS\n"é', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def strings_of(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in strings_of(each)]


@given(
    document=st.dictionaries(st.text("ab", max_size=3), values, max_size=3),
    stop=st.text('S\n"é', min_size=1, max_size=2),
    indent=st.sampled_from([None, 2, 4]),
    is_ascii=st.booleans(),
)
def test_the_result_is_always_a_document_without_the_stop_sequence(
    document: dict[str, object], stop: str, indent: int | None, is_ascii: bool
) -> None:
    """Closed or not, it is a JSON object, and no string value holds the stop sequence."""
    text = json.dumps(document, indent=indent, ensure_ascii=is_ascii)
    result, is_stopped = run(text, stop)
    assert is_stopped == any(stop in value for value in strings_of(document))
    assert isinstance(json.loads(result), dict)
    assert not any(stop in value for value in strings_of(json.loads(result)))
