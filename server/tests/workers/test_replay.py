"""Tokens of a request that runs again: only new ones are delivered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.protocol.events import TokenLogprob, Tokens
from galop.workers.replay import Replay, ReplayMismatchError


def tokens(*token_ids: int, choice: int = 0, has_logprobs: bool = False) -> Tokens:
    logprobs = [TokenLogprob(token_id, -0.5, []) for token_id in token_ids]
    return Tokens(
        request_id="r",
        choice_index=choice,
        token_ids=list(token_ids),
        logprobs=logprobs if has_logprobs else None,
    )


def cut(token_ids: list[int], sizes: list[int]) -> list[Tokens]:
    """The tokens in events of these sizes; the rest in one more."""
    events = []
    for size in sizes:
        events.append(tokens(*token_ids[:size]))
        token_ids = token_ids[size:]
    return [event for event in [*events, tokens(*token_ids)] if event.token_ids]


def test_on_the_first_run_every_event_is_delivered() -> None:
    replay = Replay()
    assert replay.new_tokens(tokens(1, 2)) == tokens(1, 2)
    assert replay.new_tokens(tokens(2)) == tokens(2)


def test_on_the_next_run_known_tokens_are_left_out_with_their_logprobs() -> None:
    replay = Replay()
    replay.new_tokens(tokens(1, 2, has_logprobs=True))
    replay.restart()
    assert replay.new_tokens(tokens(1, has_logprobs=True)) is None
    assert replay.new_tokens(tokens(2, 3, has_logprobs=True)) == tokens(3, has_logprobs=True)


def test_choices_are_counted_apart() -> None:
    replay = Replay()
    replay.new_tokens(tokens(1, 2))
    replay.new_tokens(tokens(8, choice=1))
    replay.restart()
    assert replay.new_tokens(tokens(8, 9, choice=1)) == tokens(9, choice=1)
    assert replay.new_tokens(tokens(1, 2)) is None


@given(
    token_ids=st.lists(st.integers(0, 9), max_size=12),
    num_delivered=st.integers(0, 12),
    first_sizes=st.lists(st.integers(0, 4), max_size=6),
    next_sizes=st.lists(st.integers(0, 4), max_size=6),
)
def test_each_token_is_delivered_once_however_events_are_cut(
    token_ids: list[int], num_delivered: int, first_sizes: list[int], next_sizes: list[int]
) -> None:
    """The first run ends anywhere; the second run is complete."""
    replay = Replay()
    delivered: list[int] = []
    for event in cut(token_ids[:num_delivered], first_sizes):
        new = replay.new_tokens(event)
        delivered += new.token_ids if new else []
    replay.restart()
    for event in cut(token_ids, next_sizes):
        new = replay.new_tokens(event)
        delivered += new.token_ids if new else []
    replay.check_finished(0)
    assert delivered == token_ids


def test_other_tokens_raise() -> None:
    replay = Replay()
    replay.new_tokens(tokens(1, 2, 3))
    replay.restart()
    with pytest.raises(ReplayMismatchError, match="choice 0 differs"):
        replay.new_tokens(tokens(1, 9))


def test_an_early_end_raises() -> None:
    replay = Replay()
    replay.new_tokens(tokens(1, 2, 3))
    replay.check_finished(0)
    replay.restart()
    replay.new_tokens(tokens(1))
    with pytest.raises(ReplayMismatchError, match="2 tokens early"):
        replay.check_finished(0)
