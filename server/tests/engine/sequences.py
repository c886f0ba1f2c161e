"""Sequences for tests of what schedules them. Not a test module."""

from __future__ import annotations

import numpy as np

from galop.engine.scheduler import Scheduler
from galop.engine.sequence import Sequence
from galop.protocol.requests import GenerationRequest


def make_sequence(prompt: list[int], *, name: str = "r", max_tokens: int = 8) -> Sequence:
    request = GenerationRequest(request_id=name, prompt_token_ids=prompt, max_tokens=max_tokens)
    return Sequence(request, 0, np.asarray(prompt, dtype=np.int32), None, 0.0, max_tokens)


def decoding(scheduler: Scheduler, *num_pending: int) -> list[Sequence]:
    """Running sequences with these numbers of tokens to compute."""
    sequences = []
    for index in range(len(num_pending)):
        sequences.append(make_sequence([index, 1, 2], name=str(index), max_tokens=99))
        scheduler.add(sequences[-1])
    scheduler.schedule()
    for sequence, count in zip(sequences, num_pending, strict=True):
        sequence.num_computed_tokens = sequence.num_prompt_tokens
        sequence.append([7] * count)
    return sequences
