"""The tokens of one request, counted while it runs."""

from __future__ import annotations

from galop.chat.events import Usage
from galop.chat.usage_meter import UsageMeter
from server.tests.chat.conftest import PREFILLED, finished, tokens


def counts(meter: UsageMeter) -> tuple[int, int, int]:
    return meter.num_prompt_tokens, meter.num_cached_tokens, meter.num_completion_tokens


def test_counts_are_valid_after_every_event() -> None:
    """Prompt tokens count from the end of the prefill, completion tokens as they arrive."""
    meter = UsageMeter()
    seen = [counts(meter)]
    for event in (PREFILLED, tokens("ab"), tokens("c", choice=1), tokens("d")):
        meter.record(event, num_prompt_tokens=9)
        seen.append(counts(meter))
    assert seen == [(0, 0, 0), (9, 3, 0), (9, 3, 2), (9, 3, 3), (9, 3, 4)]


def test_the_end_of_a_choice_replaces_its_count() -> None:
    """It includes tokens that were not sent, such as the one that ends an answer."""
    meter = UsageMeter()
    meter.record(tokens("ab"), num_prompt_tokens=9)
    meter.record(finished(3), num_prompt_tokens=9)
    meter.record(finished(4, choice=1), num_prompt_tokens=9)
    assert meter.num_completion_tokens == 7


def test_the_final_usage_replaces_all_counts() -> None:
    """The caller receives the same numbers."""
    meter = UsageMeter()
    meter.record(PREFILLED, num_prompt_tokens=9)
    meter.record(tokens("abc", choice=1), num_prompt_tokens=9)
    meter.completed(
        Usage(
            queue_time_s=0.0,
            prompt_tokens=8,
            prompt_time_s=0.0,
            completion_tokens=2,
            completion_time_s=0.0,
            cached_tokens=1,
        )
    )
    assert counts(meter) == (8, 1, 2)
