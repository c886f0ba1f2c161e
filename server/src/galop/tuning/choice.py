"""Which format is the best, and how many threads: pure functions of what was measured.

The score of a format is the machine time of a typical request, as shipped over converted: 256 tokens
of prompt, then 128 tokens of completion at the mean cost per token of batches of 1, 4, 8 and 16
rows. It is computed within each round, whose formats were measured within seconds of each other, and
the median over the rounds counts: a shared machine changes more between rounds than formats differ.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from galop.tuning.formats import AS_SHIPPED

NUM_PROMPT_TOKENS = 256
DECODE_ROWS = (1, 4, 8, 16)
THREAD_ROWS = (1, 2, 4, 8)
"""Batch sizes for which the number of threads is measured; larger ones take all."""
DEFAULT_TOLERANCE = 0.01
SAME_SPEED = 0.03
"""Scores this close are noise: the perplexity decides, and the file as shipped before all."""
WORTH_A_THREAD = 0.05
"""More threads must be this much faster: the API process wants a core as well."""
_NUM_COMPLETION_TOKENS = 128


@dataclass(frozen=True, slots=True)
class Speed:
    """One round of one format."""

    prefill_s: float
    """For `NUM_PROMPT_TOKENS`."""
    step_s: Mapping[int, float]
    """For one step that decodes so many rows."""

    def request_s(self) -> float:
        """Machine time of a typical request."""
        token_s = statistics.fmean(step_s / rows for rows, step_s in self.step_s.items())
        return self.prefill_s + _NUM_COMPLETION_TOKENS * token_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One format and all that was measured of it."""

    name: str
    size_bytes: int
    perplexity: float
    is_deterministic: bool
    """Logits are the same bits however a prompt is cut and whoever is in the batch."""
    speeds: Sequence[Speed]
    """One per round."""

    def ratio(self, shipped: Candidate, seconds: Callable[[Speed], float]) -> float:
        """How many times as fast as shipped: the median of the rounds' ratios."""
        return statistics.median(
            seconds(theirs) / seconds(ours)
            for theirs, ours in zip(shipped.speeds, self.speeds, strict=True)
        )

    def score(self, shipped: Candidate) -> float:
        """How many times as much work as shipped; 1.0 for the file as shipped."""
        return self.ratio(shipped, Speed.request_s)

    def added_perplexity(self, shipped: Candidate) -> float:
        """0.01 means 1 % more than as shipped."""
        return self.perplexity / shipped.perplexity - 1


def refusal(
    candidate: Candidate, shipped: Candidate, *, tolerance: float, needs_determinism: bool = True
) -> str | None:
    """Why a format must not be chosen, None if it may."""
    if candidate.name == AS_SHIPPED:
        return None
    added = candidate.added_perplexity(shipped)
    if not math.isfinite(added) or added > tolerance:
        return f"perplexity {added:+.1%}, more than {tolerance:.1%}"
    if needs_determinism and not candidate.is_deterministic:
        return "answers would depend on the load: other bits in other batches"
    return None


def choose(
    candidates: Sequence[Candidate], *, tolerance: float, needs_determinism: bool = True
) -> Candidate:
    """The fastest that may be chosen; the first candidate is the file as shipped."""
    shipped = candidates[0]
    assert shipped.name == AS_SHIPPED
    allowed = [
        each
        for each in candidates
        if refusal(each, shipped, tolerance=tolerance, needs_determinism=needs_determinism) is None
    ]
    best = max(each.score(shipped) for each in allowed)
    fastest = [each for each in allowed if each.score(shipped) >= best * (1 - SAME_SPEED)]
    return min(fastest, key=lambda each: (each is not shipped, each.perplexity))


def choose_threads(step_s: Mapping[int, Mapping[int, Sequence[float]]]) -> dict[int, int]:
    """Rows to threads, from the seconds per step by rows and number of threads."""
    table = {}
    for rows, by_threads in sorted(step_s.items()):
        medians = {threads: statistics.median(each) for threads, each in by_threads.items()}
        chosen = min(medians)
        for threads in sorted(medians):
            if medians[threads] < medians[chosen] * (1 - WORTH_A_THREAD):
                chosen = threads
        table[rows] = chosen
    return table


def turns(names: Sequence[str], num_rounds: int) -> list[list[str]]:
    """The order of every round: A B C, C B A, A B C, ..., so that a drift hits all alike."""
    return [list(names if i % 2 == 0 else reversed(names)) for i in range(num_rounds)]
