"""A sequence counts its tokens: prompt and completion, computed and pending."""

from __future__ import annotations

import numpy as np
import pytest

from galop.engine.sequence import Sequence
from galop.protocol.requests import GenerationRequest, SamplingParams


def sequence(prompt: list[int], completion: list[int], **sampling: float) -> Sequence:
    request = GenerationRequest(
        request_id="r",
        prompt_token_ids=prompt,
        max_tokens=9,
        sampling=SamplingParams(**sampling),  # type: ignore[arg-type]  # a test's shorthand
    )
    result = Sequence(request, 0, np.asarray(prompt, np.int32), None, 0.0, 9)
    result.append(completion)
    return result


@pytest.mark.parametrize(
    ("num_computed", "pending", "computed"),
    [
        (0, [1, 2, 3], []),
        (1, [2, 3], [1]),
        (3, [4, 5], [1, 2, 3]),
        (4, [5], [1, 2, 3, 4]),
        (5, [], [1, 2, 3, 4, 5]),
    ],
)
def test_pending_tokens_follow_the_computed_ones(
    num_computed: int, pending: list[int], computed: list[int]
) -> None:
    """Those of the prompt first; the completion follows in a run of its own."""
    tested = sequence([1, 2, 3], [4, 5])
    tested.num_computed_tokens = num_computed
    assert tested.pending_tokens(9).tolist() == pending
    assert tested.pending_tokens(1).tolist() == pending[:1]
    assert tested.computed_tokens().tolist() == computed
    assert tested.num_pending_tokens == 5 - num_computed
    assert tested.is_prefilling == (num_computed < 3)


@pytest.mark.parametrize(
    ("sampling", "counts"),
    [
        ({}, {}),
        ({"frequency_penalty": 1.0}, {4: 2, 5: 1}),
        ({"presence_penalty": 1.0}, {4: 2, 5: 1}),
    ],
)
def test_tokens_are_counted_for_penalties_only(
    sampling: dict[str, float], counts: dict[int, int]
) -> None:
    tested = sequence([4, 4], [4], **sampling)
    tested.append([5, 4])
    assert tested.completion_counts == counts
    assert (tested.num_tokens, tested.num_prompt_tokens, tested.num_completion_tokens) == (5, 2, 3)
