"""One choice: tokens go in, what it says comes out, each with the log probabilities of its tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.chat.events import ChoiceDelta, ContentDelta, ReasoningDelta, ToolCall
from galop.chat.formats import hermes_syntax
from galop.chat.output.choice import ChoiceOutput
from galop.chat.output.detokenizer import TokenTexts
from galop.chat.output.parser import OutputParser
from galop.chat.output.reasoning import ReasoningParser
from galop.chat.output.stop import StopMatcher
from galop.chat.output.tool_calls import CallSyntaxError, ToolCallParser
from galop.protocol.events import TokenLogprob
from galop.testing import ScriptedTokenizer

TEXTS = TokenTexts(ScriptedTokenizer())
CALL = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'


def choice(*stops: str, thinks: bool = False, calls: bool = False) -> ChoiceOutput:
    parser = OutputParser(
        reasoning=ReasoningParser(is_open=True) if thinks else None,
        calls=ToolCallParser(hermes_syntax()) if calls else None,
        stop_matcher=StopMatcher(stops) if stops else None,
    )
    return ChoiceOutput(3, TEXTS, parser)


def logprobs(token_ids: Iterable[int]) -> list[TokenLogprob]:
    return [TokenLogprob(token_id, -float(token_id), [(token_id, -1.0)]) for token_id in token_ids]


def shown_tokens(deltas: Sequence[ChoiceDelta]) -> list[int]:
    """The token of every log probability."""
    return [-round(entry.logprob) for event in deltas for entry in event.logprobs or ()]


def test_tokens_of_one_event_are_one_delta() -> None:
    """With the index of the choice."""
    plain = choice()
    assert plain.add(b"Hel", None) == [ContentDelta(3, "Hel")]
    assert plain.add("lo é".encode(), None) == [ContentDelta(3, "lo é")]
    assert plain.num_tokens == 8
    assert plain.finish() == []


def test_an_incomplete_character_makes_no_delta() -> None:
    """At the end it becomes U+FFFD."""
    plain = choice()
    assert plain.add(b"\xc3", None) == []
    assert plain.add(b"\xa9\xe2\x82", None) == [ContentDelta(3, "é")]
    assert plain.finish() == [ContentDelta(3, "\ufffd")]
    assert plain.num_tokens == 4


def test_reasoning_and_content_are_separated_and_reasoning_is_counted() -> None:
    """The tokens of `</think>` included."""
    thinking = choice(thinks=True)
    deltas = thinking.add(b"hm</think>\n\nYes", None)
    assert deltas == [ReasoningDelta(3, "hm"), ContentDelta(3, "Yes")]
    assert thinking.num_reasoning_tokens == len("hm</think>")
    assert thinking.num_tokens == len("hm</think>\n\nYes")
    assert thinking.text == "hm</think>\n\nYes"


def test_tokens_after_a_stop_sequence_are_not_counted() -> None:
    """The token that completes it is the last one."""
    stopped = choice("END")
    assert stopped.add(b"so E", None) == [ContentDelta(3, "so ")]
    assert stopped.add(b"ND and more", None) == []
    assert stopped.is_stopped
    assert stopped.num_tokens == len("so END")
    assert stopped.finish() == []


def test_text_that_was_held_back_is_returned_at_the_end() -> None:
    """With its log probabilities."""
    held = choice("END")
    assert held.add(b"EN", logprobs(b"EN")) == []
    (delta,) = held.finish()
    assert (delta, shown_tokens([delta])) == (ContentDelta(3, "EN", delta.logprobs), list(b"EN"))


def test_log_probabilities_of_a_stop_sequence_are_dropped() -> None:
    """Those of the text before it are returned."""
    stopped = choice("cd")
    deltas = stopped.add(b"abcdef", logprobs(b"abcdef"))
    assert [event.text for event in deltas if isinstance(event, ContentDelta)] == ["ab"]
    assert shown_tokens(deltas) == list(b"ab")


def test_log_probabilities_of_an_incomplete_character_are_held_back() -> None:
    """Those of all its tokens come together."""
    plain = choice()
    assert plain.add(b"\xe2\x82", logprobs(b"\xe2\x82")) == []
    deltas = plain.add(b"\xac!", logprobs(b"\xac!"))
    assert [event.text for event in deltas if isinstance(event, ContentDelta)] == ["€!"]
    assert shown_tokens(deltas) == [0xE2, 0x82, 0xAC, ord("!")]


def test_log_probabilities_of_tokens_without_text_come_in_an_empty_delta() -> None:
    """A control token has no text, but a log probability."""
    control = ScriptedTokenizer().encode("<|im_end|>")
    (delta,) = choice().add(control, logprobs(control))
    assert isinstance(delta, ContentDelta)
    assert delta.text == ""
    assert shown_tokens([delta]) == control


def test_the_last_of_several_events_has_the_log_probabilities() -> None:
    """The others have none, so that each is returned once."""
    deltas = choice(thinks=True).add(b"hm</think>Yes", logprobs(b"hm</think>Yes"))
    assert [type(event) for event in deltas] == [ReasoningDelta, ContentDelta]
    assert deltas[0].logprobs == ()
    assert shown_tokens(deltas) == list(b"hm</think>Yes")


def test_calls_are_complete_and_separate_events() -> None:
    """Also two from one event of the engine."""
    calling = choice(calls=True)
    deltas = calling.add(f"{CALL}\n{CALL}".encode(), None) + calling.finish()
    assert deltas == [ToolCall(3, "f", '{"a": 1}'), ToolCall(3, "f", '{"a": 1}')]
    assert calling.text == f"{CALL}\n{CALL}"


def test_an_end_inside_a_call_is_an_error() -> None:
    """The text stays available for the error."""
    calling = choice(calls=True)
    assert calling.add(CALL[:30].encode(), None) == []
    with pytest.raises(CallSyntaxError):
        calling.finish()
    assert calling.text == CALL[:30]


@given(
    st.text(alphabet="ab<é€\n", max_size=20),
    st.lists(st.integers(0, 60), max_size=6),
    st.booleans(),
)
def test_the_grouping_of_tokens_does_not_change_the_result(
    text: str, cuts: list[int], has_logprobs: bool
) -> None:
    """The same text, the same end, every log probability once and in order."""
    token_ids = text.encode()
    places = sorted({0, len(token_ids), *(min(cut, len(token_ids)) for cut in cuts)})
    parted, whole = choice("ab\n"), choice("ab\n")
    deltas: list[ChoiceDelta] = []
    for start, end in zip(places, places[1:], strict=False):
        part = token_ids[start:end]
        deltas += parted.add(part, logprobs(part) if has_logprobs else None)
        if parted.is_stopped:
            break
    deltas += parted.finish()
    expected = whole.add(token_ids, logprobs(token_ids) if has_logprobs else None)
    expected += whole.finish()

    def text_of(events: Sequence[ChoiceDelta]) -> str:
        return "".join(event.text for event in events if isinstance(event, ContentDelta))

    assert text_of(deltas) == text_of(expected) == text.partition("ab\n")[0]
    assert parted.is_stopped == ("ab\n" in text)
    assert parted.num_tokens == whole.num_tokens
    shown = text_of(deltas).encode()
    assert shown_tokens(deltas) == shown_tokens(expected) == (list(shown) if has_logprobs else [])
