"""Whether weights and KV cache fit."""

from __future__ import annotations

import pytest

from galop.cli.doctor.memory import check_memory


@pytest.mark.parametrize(
    ("available_bytes", "verdict", "advice"),
    [
        (5_000, "ok", ""),
        (4_999, "warning", "--max-sequences 3"),
        (1_999, "warning", "--context-window"),
        (999, "problem", "smaller model"),
        (None, "ok", ""),
    ],
)
def test_more_context_than_memory_is_told_with_what_would_fit(
    available_bytes: int | None, verdict: str, advice: str
) -> None:
    """The KV cache is taken as it fills: such a server starts, and dies later."""
    finding = check_memory(
        weights_bytes=1_000,
        cache_bytes_per_token=10,
        window=100,
        num_sequences=4,
        available_bytes=available_bytes,
    )
    assert finding.verdict == verdict
    assert advice in finding.advice
