"""Which requests are refused, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from galop.protocol.constraints import ConstraintSpec
from galop.protocol.requests import GenerationRequest, SamplingParams
from galop.workers.quarantine import MAX_QUARANTINED, QUARANTINE_S, Quarantine


def request(**changes: Any) -> GenerationRequest:
    fields: dict[str, Any] = {"request_id": "r", "prompt_token_ids": [1, 2], "max_tokens": 5}
    return GenerationRequest(**fields | changes)


@pytest.mark.parametrize(
    ("changes", "is_refused"),
    [
        ({"request_id": "s", "max_tokens": 9, "num_choices": 2, "key_id": "k"}, True),
        ({"sampling": SamplingParams(seed=7, temperature=0.0)}, True),
        ({"prompt_token_ids": [1, 3]}, False),
        ({"constraint": ConstraintSpec(json_object=True)}, False),
    ],
)
def test_prompt_and_constraint_identify_a_request(
    changes: dict[str, Any], is_refused: bool
) -> None:
    quarantine = Quarantine(lambda: 0.0)
    quarantine.add(request())
    assert (request(**changes) in quarantine) == is_refused


def test_a_request_is_refused_until_its_time_is_over() -> None:
    """Adding it again begins a new period."""
    now_s = 100.0
    quarantine = Quarantine(lambda: now_s)
    assert request() not in quarantine
    quarantine.add(request())
    now_s += QUARANTINE_S - 1
    assert request() in quarantine
    quarantine.add(request())
    now_s += QUARANTINE_S - 1
    assert request() in quarantine
    now_s += 1
    assert request() not in quarantine


def test_the_oldest_entries_are_dropped_beyond_the_limit() -> None:
    """An entry that was added again counts as new."""
    quarantine = Quarantine(lambda: 0.0)
    for token_id in range(MAX_QUARANTINED):
        quarantine.add(request(prompt_token_ids=[token_id]))
    quarantine.add(request(prompt_token_ids=[0]))
    quarantine.add(request(prompt_token_ids=[MAX_QUARANTINED]))
    refused = [each for each in range(3) if request(prompt_token_ids=[each]) in quarantine]
    assert refused == [0, 2]
