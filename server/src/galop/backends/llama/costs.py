"""What batches cost in llama.cpp with one KV stream per slot (docs/decisions/0009). Pure.

llama.cpp computes in one pass over the weights what has equally many rows in each of several slots that
follow each other. It cuts every other batch into such passes. Where our kernels compute a row alike in
any company, a gap between two slots can be filled with rows that are forgotten after the pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

PASS_COST_ROWS = 5
"""Fixed cost of a pass, in rows: reading all weights, and some 400 barriers. Measured with our kernels and the
embedded model on two cores."""

CELLS_PER_ROW = 500
"""Cells of the KV cache to attend to that cost about as much as the rest of a row."""


class StreamCosts:
    """Implements `engine.runner.BatchCosts`. `fills_gaps`: whether our kernels compute all of a pass."""

    def __init__(self, *, fills_gaps: bool) -> None:
        self._fills_gaps = fills_gaps

    def cost(self, runs: Sequence[tuple[int, int]]) -> float:
        """See `BatchCosts.cost`. Every length of a run takes a pass, a gap is filled or takes one more."""
        by_length: dict[int, list[int]] = defaultdict(list)
        for slot, num_rows in runs:
            by_length[num_rows].append(slot)
        return sum(self._cost(sorted(slots), num_rows) for num_rows, slots in by_length.items())

    def _cost(self, slots: Sequence[int], num_rows: int) -> float:
        gaps = [after - before - 1 for before, after in pairwise(slots) if after > before + 1]
        fills = [gap * num_rows if self._fills_gaps else PASS_COST_ROWS for gap in gaps]
        return PASS_COST_ROWS + num_rows * len(slots) + sum(min(PASS_COST_ROWS, f) for f in fills)

    def distance(self, slot: int, running: Sequence[int]) -> int:
        """See `BatchCosts.distance`. 0 between slots that run, else the slots to the nearest of them."""
        if not running or min(running) < slot < max(running):
            return 0
        return min(abs(slot - each) for each in running)


def filler_cost_rows(num_rows: int, position: int) -> float:
    """What it costs to compute so many rows of a slot that holds `position` tokens, in rows."""
    return num_rows * (1 + position / CELLS_PER_ROW)
