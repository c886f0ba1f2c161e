"""What the benchmark computes from what it saw."""

from __future__ import annotations

from bench.machine import Noise
from bench.report import compared, of_ours, picture, skipped
from bench.rows import Goal, chunks_until_first_token, parsed, worst_gap_s
from galop.benchmark.client import Block, Completion

FASTER = Goal("tok/s", "tok/s", least=1.5)
SOONER = Goal("first token", "s", most=0.5)


def test_the_ratio_is_the_median_of_the_pairs() -> None:
    """Not the ratio of the medians: a pair shares its minute of the machine."""
    line = compared("row", "s", FASTER, ([10, 100, 30], [5, 50, 10]), "other", Noise(1.0, 0.0))
    assert line.ratio is not None
    assert (line.ratio.median, line.is_met) == (2.0, True)


def test_less_is_better_where_the_goal_says_so() -> None:
    """Times: at most half of theirs."""
    assert compared("row", "s", SOONER, ([0.2], [0.5]), "other").is_met is True
    assert compared("row", "s", SOONER, ([0.3], [0.5]), "other").is_met is False


def test_an_opponent_that_got_nothing_done_gives_a_finite_ratio() -> None:
    """JSON has no infinity; 100 stands for everything above."""
    line = compared("row", "s", FASTER, ([3.0], [0.0]), "other")
    assert line.ratio is not None
    assert line.ratio.median == 100.0


def test_the_picture_has_ratios_only() -> None:
    """Rows without figures, or without an opponent, have no place on the axis."""
    lines = [
        compared("drawn", "s", FASTER, ([3.0], [2.0]), "other"),
        of_ours("alone", "s", Goal("share", "", least=0.6, of_ours=True), 0.7),
        skipped("not measured", "s", FASTER, "why"),
    ]
    svg = picture(lines)
    assert "drawn (s)" in svg
    assert "alone" not in svg
    assert "not measured" not in svg


def test_only_gaps_that_overlap_the_joining_prompt_count() -> None:
    """A pause before the prompt came, or after it was done, was not its fault."""
    answer = Completion(0.0, (1.0, 5.0, 5.1, 5.8, 6.0, 9.0), 9.0, 1, 6, "")
    assert abs(worst_gap_s(Block((answer,)), start_s=5.05, end_s=5.9) - 0.7) < 1e-9


def test_waiting_is_counted_in_chunks_of_the_long_prompt() -> None:
    """1,280 tokens in 10 s are a second for each 128; what was answered after them does not count."""
    long = Completion(0.0, (10.0,), 10.1, 1280, 1, "a")
    short = [
        Completion(at, (at + wait,), at + 9, 50, 1, "b") for at, wait in [(1, 2), (4, 1), (9, 5)]
    ]

    assert chunks_until_first_token(long, short) == {
        "median first token": 1.5,
        "worst first token": 2.0,
    }
    assert chunks_until_first_token(long, short[2:])["median first token"] == 5.0


def test_a_broken_document_is_none() -> None:
    """What does not parse is no document of any schema."""
    assert parsed('{"a": ') is None
