"""Guessing tokens, and when it pays."""

from __future__ import annotations

import numpy as np
import pytest

from galop.engine.drafts import LONGEST_DRAFT, Drafter, DraftRowCost, best_length


def drafter(prompt: list[int], num_more: int = 50) -> Drafter:
    return Drafter(np.asarray(prompt, np.int32), num_more)


def test_what_followed_the_last_tokens_is_guessed_again() -> None:
    assert drafter([1, 2, 3, 4, 5, 9, 1, 2, 3]).propose([], 2, 0.0) == [4, 5]


def test_the_last_occurrence_counts_and_the_completion_is_part_of_the_text() -> None:
    proposal = drafter([1, 2, 3, 4, 9]).propose([1, 2, 3, 7, 8, 1, 2, 3], 2, 0.0)
    assert proposal == [7, 8]


@pytest.mark.parametrize(
    "prompt", [[1], [1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 9, 2, 3], [7, 2, 3, 9, 1, 2, 3]]
)
def test_without_an_occurrence_of_three_tokens_there_is_no_draft(prompt: list[int]) -> None:
    assert drafter(prompt).propose([], 5, 0.0) == []


def test_a_text_that_overlaps_itself_is_guessed_as_far_as_it_is_known() -> None:
    assert drafter([5, 5, 5, 5]).propose([], 5, 0.0) == [5]


def test_guesses_that_fail_are_given_up_and_tried_again_later() -> None:
    repeating = drafter([1, 2, 3, 4] * 5, 500)
    lengths = []
    for _ in range(200):
        draft = repeating.propose([], 10, 0.25)
        repeating.learn(len(draft), 0)
        lengths.append(len(draft))
    assert lengths[0] > 0
    assert 0 < sum(length > 0 for length in lengths) < 40


def test_guesses_that_come_true_grow() -> None:
    repeating = drafter([1, 2, 3, 4] * 9)
    first = len(repeating.propose([], 10, 0.25))
    for _ in range(6):
        repeating.learn(4, 4)
    assert first < len(repeating.propose([], 10, 0.25)) <= LONGEST_DRAFT


@pytest.mark.parametrize(
    ("chance", "row_cost", "length"),
    [(1.0, 0.2, LONGEST_DRAFT), (0.0, 0.0, 0), (0.6, 1.0, 0), (0.5, 0.3, 1)],
)
def test_the_length_is_what_pays_most(chance: float, row_cost: float, length: int) -> None:
    assert best_length(chance, row_cost) == length


def test_the_cost_share_is_learnt_from_passes() -> None:
    costs = DraftRowCost()
    for _ in range(100):
        costs.record(1, 0.010)
        costs.record(5, 0.030)
    assert costs.share == pytest.approx(0.5, abs=0.05)
