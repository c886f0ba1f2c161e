"""The event decoder: the same events however the bytes are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq._sse import EventDecoder, SSEDecoder

Decoded = list[tuple[str | None, bytes]]


def decode(pieces: list[bytes]) -> Decoded:
    decoder = EventDecoder()
    return [(event.name, event.data) for piece in pieces for event in decoder.feed(piece)]


STREAM = (
    b": a comment\n\n"
    b'data: {"a": "\xc3\xa4\xe2\x80\xa8"}\n\n'
    b"event: error\ndata: one\ndata: two\n\n"
    b"id: 7\nretry: 10\n\n"
    b"data:no space\n\n\n\n"
    b"data\n\n"
    b"data: [DONE]\n\n"
)
EVENTS: Decoded = [
    (None, b'{"a": "\xc3\xa4\xe2\x80\xa8"}'),
    ("error", b"one\ntwo"),
    (None, b"no space"),
    (None, b""),
    (None, b"[DONE]"),
]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_every_split_into_two_gives_the_same_events(line_end: bytes) -> None:
    """Where the network cuts the bytes does not matter, for any kind of line end."""
    stream = STREAM.replace(b"\n", line_end)

    for position in range(len(stream) + 1):
        assert decode([stream[:position], stream[position:]]) == EVENTS


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_bytes_one_at_a_time_give_the_same_events(line_end: bytes) -> None:
    """A server that drips single bytes is understood."""
    stream = STREAM.replace(b"\n", line_end)

    assert decode([bytes([byte]) for byte in stream]) == EVENTS


LINES = st.lists(
    st.one_of(
        st.just(""),
        st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=8),
        st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=8).map(
            lambda text: f"data: {text}"
        ),
        st.just("event: error"),
    ),
    max_size=12,
)


@given(LINES, st.lists(st.integers(0, 400), max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_any_stream_at_any_split_decodes_as_in_one_piece(
    lines: list[str], cuts: list[int], line_end: str
) -> None:
    """Splitting anywhere, any number of times, never changes what is decoded."""
    stream = "".join(line + line_end for line in lines).encode()
    borders = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]

    pieces = [stream[a:b] for a, b in itertools.pairwise(borders)]

    assert decode(pieces) == decode([stream])


def test_a_byte_order_mark_at_the_start_is_skipped() -> None:
    """The mark is no part of the first field name, even if it arrives in halves."""
    assert decode([b"\xef\xbb", b"\xbfdata: x\n\n"]) == [(None, b"x")]


def test_an_event_without_its_blank_line_is_not_dispatched() -> None:
    """A cut stream does not hand on half an event as a whole one."""
    decoder = EventDecoder()

    assert list(decoder.feed(b"data: half\n")) == []
    assert decoder.has_partial


def test_the_line_interface_returns_an_event_at_the_blank_line() -> None:
    """`decode` takes lines, as the published decoder does."""
    decoder = SSEDecoder()

    assert decoder.decode("event: error") is None
    assert decoder.decode('data: {"a": 1}') is None
    event = decoder.decode("")

    assert event is not None
    assert (event.event, event.json()) == ("error", {"a": 1})
