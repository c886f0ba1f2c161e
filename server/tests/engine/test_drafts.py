"""Drafts by n-gram lookup, and their length."""

from __future__ import annotations

import numpy as np
import pytest

from galop.engine.drafts import LONGEST_DRAFT, Drafter, DraftRowCost, best_length


def drafter(prompt: list[int], num_more: int = 50) -> Drafter:
    return Drafter(np.asarray(prompt, np.int32), num_more)


def test_the_draft_is_what_followed_the_last_tokens_before() -> None:
    assert drafter([1, 2, 3, 4, 5, 9, 1, 2, 3]).propose([], 2, 0.0) == [4, 5]


def test_the_last_occurrence_counts_and_may_be_in_the_completion() -> None:
    proposal = drafter([1, 2, 3, 4, 9]).propose([1, 2, 3, 7, 8, 1, 2, 3], 2, 0.0)
    assert proposal == [7, 8]


@pytest.mark.parametrize(
    "prompt", [[1], [1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 9, 2, 3], [7, 2, 3, 9, 1, 2, 3]]
)
def test_without_an_occurrence_of_three_tokens_there_is_no_draft(prompt: list[int]) -> None:
    assert drafter(prompt).propose([], 5, 0.0) == []


def test_a_draft_ends_where_the_sequence_ends() -> None:
    assert drafter([5, 5, 5, 5]).propose([], 5, 0.0) == [5]


def test_drafts_end_after_wrong_guesses_and_are_tried_again_later() -> None:
    repeating = drafter([1, 2, 3, 4] * 5, 500)
    lengths = []
    for _ in range(200):
        draft = repeating.propose([], 10, 0.25)
        repeating.learn(len(draft), 0)
        lengths.append(len(draft))
    assert lengths[0] > 0
    assert 0 < sum(length > 0 for length in lengths) < 40


def test_drafts_grow_after_right_guesses() -> None:
    repeating = drafter([1, 2, 3, 4] * 9)
    first = len(repeating.propose([], 10, 0.25))
    for _ in range(6):
        repeating.learn(4, 4)
    assert first < len(repeating.propose([], 10, 0.25)) <= LONGEST_DRAFT


@pytest.mark.parametrize(
    ("chance", "row_cost", "length"),
    [(1.0, 0.2, LONGEST_DRAFT), (0.0, 0.0, 0), (0.6, 1.0, 0), (0.5, 0.3, 1)],
)
def test_the_length_has_the_most_expected_tokens_per_second(
    chance: float, row_cost: float, length: int
) -> None:
    assert best_length(chance, row_cost) == length


def test_the_cost_share_is_learnt_from_passes() -> None:
    costs = DraftRowCost()
    for _ in range(100):
        costs.record(1, 0.010)
        costs.record(5, 0.030)
    assert costs.share == pytest.approx(0.5, abs=0.05)
