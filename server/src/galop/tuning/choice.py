"""Chooses a weight format and numbers of threads from measurements. Pure functions.

The score of a format is the machine time of a typical request with the file as shipped, over that with
the format: 256 tokens of prompt, then 128 tokens of completion at the mean cost per token of batches of
1, 4, 8 and 16 rows. It is the median of the ratios within rounds. All formats of a round are measured
shortly after each other: a shared machine changes more between rounds than formats differ.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from galop.tuning.formats import AS_SHIPPED

NUM_PROMPT_TOKENS = 256
"""Of the typical request."""
DECODE_ROWS = (1, 4, 8, 16)
"""Batch sizes whose decode steps are measured."""
THREAD_ROWS = (1, 2, 4, 8)
"""Batch sizes for which the number of threads is measured. Larger batches use all threads."""
DEFAULT_TOLERANCE = 0.01
"""Added perplexity that is allowed: 0.01 is 1 %."""
SCORE_NOISE = 0.03
"""Among scores within this share of the best one, the file as shipped is chosen, else the lowest perplexity."""
MIN_THREAD_GAIN = 0.05
"""More threads are chosen if they take less time by this share at least: the server process needs a core,
too."""
_NUM_COMPLETION_TOKENS = 128


@dataclass(frozen=True, slots=True)
class Speed:
    """The times of one format in one round."""

    prefill_s: float
    """Of `NUM_PROMPT_TOKENS` prompt tokens."""
    step_s: Mapping[int, float]
    """Rows of a batch to the time of a decode step."""

    def request_s(self) -> float:
        """Machine time of a typical request."""
        token_s = statistics.fmean(step_s / rows for rows, step_s in self.step_s.items())
        return self.prefill_s + _NUM_COMPLETION_TOKENS * token_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A format and its measurements."""

    name: str
    """Of a `WeightFormat`, or `AS_SHIPPED`."""
    size_bytes: int
    perplexity: float
    is_deterministic: bool
    """Whether the bits of logits depend neither on how a prompt is cut nor on the rest of the batch."""
    speeds: Sequence[Speed]
    """One per round, in the order of the rounds."""

    def ratio(self, shipped: Candidate, seconds: Callable[[Speed], float]) -> float:
        """The time of the file as shipped over that of this format: the median of the ratios of the rounds."""
        return statistics.median(
            seconds(other) / seconds(own)
            for other, own in zip(shipped.speeds, self.speeds, strict=True)
        )

    def score(self, shipped: Candidate) -> float:
        """See the module; 1.0 for the file as shipped, 2.0 for a format that is twice as fast."""
        return self.ratio(shipped, Speed.request_s)

    def added_perplexity(self, shipped: Candidate) -> float:
        """Share by which the perplexity exceeds that of the file as shipped: 0.01 is 1 %."""
        return self.perplexity / shipped.perplexity - 1


def refusal_reason(
    candidate: Candidate, shipped: Candidate, *, tolerance: float, needs_determinism: bool = True
) -> str | None:
    """Why a format must not be chosen; None if it may."""
    if candidate.name == AS_SHIPPED:
        return None
    added = candidate.added_perplexity(shipped)
    if not math.isfinite(added) or added > tolerance:
        return f"perplexity {added:+.1%}, more than {tolerance:.1%}"
    if needs_determinism and not candidate.is_deterministic:
        return "answers would depend on the load: the bits of logits depend on the batch"
    return None


def choose(
    candidates: Sequence[Candidate], *, tolerance: float, needs_determinism: bool = True
) -> Candidate:
    """The fastest candidate without a `refusal_reason`. The first candidate is the file as shipped."""
    shipped = candidates[0]
    assert shipped.name == AS_SHIPPED
    allowed = [
        each
        for each in candidates
        if refusal_reason(each, shipped, tolerance=tolerance, needs_determinism=needs_determinism)
        is None
    ]
    best = max(each.score(shipped) for each in allowed)
    fastest = [each for each in allowed if each.score(shipped) >= best * (1 - SCORE_NOISE)]
    return min(fastest, key=lambda each: (each is not shipped, each.perplexity))


def choose_threads(step_s: Mapping[int, Mapping[int, Sequence[float]]]) -> dict[int, int]:
    """Rows of a batch to threads. `step_s`: rows to number of threads to seconds per step, one per round."""
    table = {}
    for rows, by_threads in sorted(step_s.items()):
        medians = {threads: statistics.median(each) for threads, each in by_threads.items()}
        chosen = min(medians)
        for threads in sorted(medians):
            if medians[threads] < medians[chosen] * (1 - MIN_THREAD_GAIN):
                chosen = threads
        table[rows] = chosen
    return table


def round_orders(names: Sequence[str], num_rounds: int) -> list[list[str]]:
    """The order of names in each round: A B C, C B A, A B C, ... A machine that slows down steadily does not
    favour any of them."""
    return [list(names if i % 2 == 0 else reversed(names)) for i in range(num_rounds)]
