"""Choosing a token from logits."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from galop.engine.sampler import adjust, choose, log_probabilities, masked, uniform
from galop.protocol.requests import SamplingParams

rows = st_numpy.arrays(
    np.float32,
    st.integers(1, 700),
    elements=st.floats(-30, 30, width=32),
)


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    weights = np.exp(logits.astype(np.float64) - float(logits.max()))
    return np.asarray(weights / weights.sum())


def test_uniform_depends_on_every_argument() -> None:
    """Seed, choice, position and draw each change the number; nothing else does."""
    base = uniform(1, 0, 0, 0)
    assert uniform(1, 0, 0, 0) == base
    assert (
        len({base, uniform(2, 0, 0, 0), uniform(1, 1, 0), uniform(1, 0, 1), uniform(1, 0, 0, 1)})
        == 5
    )


def test_uniform_is_uniform_over_positions() -> None:
    """Mean and variance of 20,000 draws are those of U(0, 1) within five standard errors."""
    draws = np.array([uniform(42, 0, position) for position in range(20_000)])
    assert draws.min() >= 0.0
    assert draws.max() < 1.0
    assert abs(draws.mean() - 0.5) < 5 * math.sqrt(1 / 12 / 20_000)
    assert abs(draws.var() - 1 / 12) < 0.003


@pytest.mark.parametrize("temperature", [0.0, 1e-8])
def test_no_temperature_takes_the_most_likely_token(temperature: float) -> None:
    """0 and the value that the reference API replaces it with."""
    logits = np.array([0.0, 3.0, 2.999, -1.0], dtype=np.float32)
    assert choose(logits, SamplingParams(temperature=temperature), 0.999) == 1


def test_greedy_takes_the_lowest_id_among_equals() -> None:
    """Equal logits have one result."""
    assert choose(np.zeros(5, dtype=np.float32), SamplingParams(temperature=0.0), 0.9) == 0


@settings(deadline=None)
@given(logits=rows, random=st.floats(0, 1, exclude_max=True))
def test_a_draw_inverts_the_distribution_function(
    logits: npt.NDArray[np.float32], random: float
) -> None:
    """The chosen token is the one whose share of [0, 1) holds the random number."""
    token_id = choose(logits, SamplingParams(), random)
    running = np.cumsum(softmax(logits))
    below = running[token_id - 1] if token_id else 0.0
    assert below - 1e-5 <= random <= running[token_id] + 1e-5


@settings(deadline=None)
@given(logits=rows, random=st.floats(0, 1, exclude_max=True), top_p=st.floats(0.01, 0.99))
def test_top_p_draws_from_the_smallest_sufficient_set(
    logits: npt.NDArray[np.float32], random: float, top_p: float
) -> None:
    """The chosen token is among the most likely ones that together reach top_p."""
    token_id = choose(logits, SamplingParams(top_p=top_p), random)
    weights = np.exp(logits - logits.max())  # float32: logits may differ where these do not
    more_likely = softmax(logits)[weights > weights[token_id]].sum()
    assert more_likely < top_p + 1e-5


def test_top_p_shares_follow_the_distribution() -> None:
    """Over many draws, the frequency of a token is its renormalised probability."""
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], dtype=np.float32))
    params = SamplingParams(top_p=0.8)
    draws = [choose(logits, params, uniform(3, 0, i)) for i in range(8000)]
    shares = np.bincount(draws, minlength=4) / 8000
    assert shares[2] == shares[3] == 0
    assert abs(shares[0] - 0.625) < 0.03


def test_penalties_follow_the_api_reference() -> None:
    """logit - count * frequency_penalty - presence_penalty, for tokens of the completion."""
    logits = np.array([1.0, 1.0, 1.0], dtype=np.float32)
    params = SamplingParams(frequency_penalty=0.5, presence_penalty=0.25, logit_bias={2: -3.0})
    adjusted = adjust(logits, params, {1: 2})
    assert adjusted.tolist() == [1.0, -0.25, -2.0]
    assert logits.tolist() == [1.0, 1.0, 1.0]


def test_without_options_logits_are_not_copied() -> None:
    """The same array is returned."""
    logits = np.zeros(3, dtype=np.float32)
    assert adjust(logits, SamplingParams(), {}) is logits


@settings(deadline=None)
@given(logits=rows)
def test_log_probabilities_are_those_of_the_softmax(logits: npt.NDArray[np.float32]) -> None:
    """Exact within float32, the most likely first."""
    num_top = min(5, len(logits))
    logprob, top = log_probabilities(logits, 0, num_top)
    expected = np.log(softmax(logits))
    assert logprob == pytest.approx(expected[0], abs=1e-4)
    assert [value for _, value in top] == sorted((v for _, v in top), reverse=True)
    assert top[0][1] == pytest.approx(expected.max(), abs=1e-4)


def test_masked_tokens_cannot_be_drawn() -> None:
    """However likely they are."""
    logits = np.array([100.0, 0.0, 0.0], dtype=np.float32)
    row = masked(logits, np.array([False, True, True]))
    assert {choose(row, SamplingParams(), random / 10) for random in range(10)} == {1, 2}
