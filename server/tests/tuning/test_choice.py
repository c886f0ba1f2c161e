"""Scores and choices, from times that the tests make up."""

from __future__ import annotations

import math

import pytest

from galop.backends.llama.threads import thread_counts
from galop.tuning.choice import (
    DECODE_ROWS,
    Candidate,
    Speed,
    choose,
    choose_threads,
    refusal_reason,
    round_orders,
)
from galop.tuning.formats import AS_SHIPPED


def speed(seconds: float) -> Speed:
    """The times of one round, in proportion to `seconds`."""
    return Speed(seconds, {rows: rows * seconds / 100 for rows in DECODE_ROWS})


def candidate(
    name: str, *seconds: float, perplexity: float = 10.0, is_deterministic: bool = True
) -> Candidate:
    return Candidate(
        name=name,
        size_bytes=1,
        perplexity=perplexity,
        is_deterministic=is_deterministic,
        speeds=[speed(each) for each in seconds],
    )


SHIPPED = candidate(AS_SHIPPED, 1.0, 2.0, 1.0)


def test_the_score_is_the_median_of_the_ratios_within_rounds() -> None:
    """A round in which the machine was slow does not change the score."""
    other = candidate("Q8_0", 0.5, 1.0, 5.0)
    assert other.score(SHIPPED) == pytest.approx(2.0)
    assert SHIPPED.score(SHIPPED) == 1.0


def test_a_request_is_a_prompt_and_a_completion() -> None:
    """256 tokens of prompt, 128 of completion at the mean cost per token."""
    each = Speed(2.0, {1: 0.01, 4: 0.04, 8: 0.08, 16: 0.16})
    assert each.request_s() == pytest.approx(2.0 + 128 * 0.01)


def test_the_fastest_within_the_tolerance_is_chosen() -> None:
    """A faster format with too high a perplexity is not chosen."""
    candidates = [
        SHIPPED,
        candidate("Q8_0", 0.8, 1.6, 0.8, perplexity=10.05),
        candidate("Q4_0", 0.3, 0.6, 0.3, perplexity=12.0),
        candidate("BF16", 0.9, 1.8, 0.9, perplexity=10.0),
    ]
    assert choose(candidates, tolerance=0.01).name == "Q8_0"
    assert choose(candidates, tolerance=0.5).name == "Q4_0"
    assert choose(candidates, tolerance=0.0).name == "BF16"


def test_a_format_whose_bits_depend_on_the_batch_is_chosen_only_when_allowed() -> None:
    """Even if it is the fastest."""
    candidates = [SHIPPED, candidate("IQ4_NL", 0.3, 0.6, 0.3, is_deterministic=False)]
    assert choose(candidates, tolerance=0.01) is SHIPPED
    chosen = choose(candidates, tolerance=0.01, needs_determinism=False)
    assert chosen.name == "IQ4_NL"


def test_what_is_not_measurably_faster_is_not_chosen() -> None:
    """Within the noise the file as shipped is chosen, and among others the lowest perplexity."""
    almost = candidate("BF16", 0.99, 1.98, 0.99, perplexity=9.9)
    assert choose([SHIPPED, almost], tolerance=0.01) is SHIPPED
    first = candidate("Q8_0", 0.500, 1.0, 0.500, perplexity=10.05)
    second = candidate("BF16", 0.505, 1.01, 0.505, perplexity=10.01)
    assert choose([SHIPPED, first, second], tolerance=0.01) is second


@pytest.mark.parametrize("perplexity", [math.nan, math.inf, 10.2])
def test_a_worse_or_broken_format_is_refused_with_the_reason(perplexity: float) -> None:
    """Also one whose perplexity is no number."""
    broken = candidate("Q4_0", 0.1, 0.1, 0.1, perplexity=perplexity)
    assert "perplexity" in (refusal_reason(broken, SHIPPED, tolerance=0.01) or "")
    assert choose([SHIPPED, broken], tolerance=0.01) is SHIPPED


def test_the_file_as_shipped_is_never_refused() -> None:
    """Even if it is not deterministic: it runs without tuning, too."""
    shipped = candidate(AS_SHIPPED, 1.0, is_deterministic=False)
    assert refusal_reason(shipped, shipped, tolerance=0.0) is None


def test_more_threads_are_chosen_only_if_they_are_faster() -> None:
    """Two threads that are as fast as one only take a core from other processes."""
    times = {
        1: {1: [1.0, 1.1, 0.9], 2: [0.98, 1.0, 0.97]},
        4: {1: [4.0, 4.0, 9.0], 2: [2.1, 2.2, 8.0]},
        2: {1: [2.0], 2: [3.0]},
    }
    assert choose_threads(times) == {1: 1, 2: 1, 4: 2}


@pytest.mark.parametrize(
    ("num_threads", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])]
)
def test_thread_counts_are_powers_of_two_and_all(num_threads: int, counts: list[int]) -> None:
    """Few enough to measure."""
    assert thread_counts(num_threads) == counts


def test_the_order_of_names_alternates_between_rounds() -> None:
    """A B C, C B A."""
    assert round_orders(["a", "b", "c"], 3) == [["a", "b", "c"], ["c", "b", "a"], ["a", "b", "c"]]
