"""Calls in text, however it arrives."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.chat.formats import tool_format_of
from galop.chat.output.segments import Segment
from galop.chat.output.tool_calls import CallSyntaxError, ToolCallParser
from galop.protocol.constraints import CallSyntax
from server.tests.chat.tools import templates

SYNTAXES = {
    name: tool_format_of(source, takes_tools=True).syntax
    for name, source in {
        "hermes": templates.HERMES,
        "llama3": templates.LLAMA3,
        "mistral": templates.MISTRAL,
        "mistral_args": templates.MISTRAL_ARGS,
    }.items()
}
HERMES = SYNTAXES["hermes"]

syntaxes = st.sampled_from(list(SYNTAXES.values()))
names = st.from_regex(r"[a-zA-Z0-9_-]{1,8}", fullmatch=True)
objects = st.dictionaries(
    st.text(max_size=4),
    st.recursive(
        st.text(max_size=6) | st.sampled_from(['"}]', "\\", "</tool_call>", "[ARGS]"]) | st.none(),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
        max_leaves=4,
    ),
    max_size=3,
).map(json.dumps)


def written(syntax: CallSyntax, calls: list[tuple[str, str]]) -> str:
    texts = [
        f"{syntax.begin}{name}{syntax.before_arguments}{arguments}{syntax.end}"
        for name, arguments in calls
    ]
    return syntax.before + syntax.separator.join(texts) + syntax.after


def read(syntax: CallSyntax, segments: list[str]) -> tuple[str, list[tuple[str, str]]]:
    """The content, and names and arguments of the calls."""
    parser = ToolCallParser(syntax)
    found: list[Segment] = []
    for segment in segments:
        found += parser.add(segment)
    found += parser.flush()
    content = "".join(segment.text for segment in found if segment.kind == "content")
    return content, [(segment.name, segment.text) for segment in found if segment.kind == "call"]


@given(syntaxes, st.lists(st.tuples(names, objects), min_size=1, max_size=3), st.data())
def test_calls_are_parsed_from_any_chunks(
    syntax: CallSyntax, calls: list[tuple[str, str]], data: st.DataObject
) -> None:
    """Text before is content; arguments may be any JSON object."""
    text = "Let me see." + written(syntax, calls)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    segments = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert read(syntax, segments) == ("Let me see.", calls)


@given(st.text("<tool_cal >\n{}x", max_size=30))
def test_text_without_a_trigger_is_content(text: str) -> None:
    """A possible trigger is held back and returned later."""
    if HERMES.trigger not in text:
        assert read(HERMES, list(text)) == (text, [])


def test_white_space_around_calls_is_dropped() -> None:
    """Before the first, between them and after the last."""
    call = written(HERMES, [("f", "{}")])
    text = f" Now: \n\n{call}\n\n{call}\n"
    assert read(HERMES, [text]) == (" Now:", [("f", "{}"), ("f", "{}")])


def test_text_after_calls_is_content() -> None:
    """The constraint allows none; the parser still keeps it."""
    assert read(HERMES, [written(HERMES, [("f", "{}")]) + " Done."])[0] == " Done."


def test_a_call_is_returned_as_soon_as_it_is_complete() -> None:
    """Not earlier, and not later."""
    parser = ToolCallParser(HERMES)
    text = written(HERMES, [("f", '{"a": "}"}')])
    assert parser.add(text[:-1]) == []
    assert parser.is_inside_call
    assert parser.add(text[-1:]) == [Segment("call", '{"a": "}"}', name="f")]
    assert not parser.is_inside_call


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call> f",
        '<tool_call>\n{"name": "f", "arguments": 5}\n</tool_call>',
        '<tool_call>\n{"name": "f", "arguments": {}]',
        '<tool_call>\n{"name": "f", "arguments": {"a": 1',
        "<tool_call>",
    ],
)
def test_text_against_the_call_syntax_is_an_error(text: str) -> None:
    """Incomplete calls included."""
    with pytest.raises(CallSyntaxError):
        read(HERMES, [text])
