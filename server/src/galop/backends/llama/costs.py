"""The cost of batches in llama.cpp with one KV stream per slot (docs/decisions/0009). Pure.

llama.cpp computes equally many rows of each of several adjacent slots in one pass over the weights. It splits
every other batch into such passes. If the runner is batch-invariant, a gap between two slots can be filled
with rows (fillers) that are removed from the KV cache after the pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

PASS_COST_ROWS = 5
"""Fixed cost of a pass, in rows: it reads all weights and has some 400 barriers. Measured with our
kernels and the embedded model on two cores."""

CELLS_PER_ROW = 500
"""Attention to so many cells of the KV cache costs about as much as the rest of a row."""


class StreamCosts:
    """Implements `engine.runner.BatchCosts`. `fills_gaps`: whether the runner fills gaps between slots."""

    def __init__(self, *, fills_gaps: bool) -> None:
        self._fills_gaps = fills_gaps

    def cost(self, runs: Sequence[tuple[int, int]]) -> float:
        """See `BatchCosts.cost`. Each length of runs takes a pass; a gap is filled or takes one more pass."""
        by_length: dict[int, list[int]] = defaultdict(list)
        for slot, num_rows in runs:
            by_length[num_rows].append(slot)
        return sum(self._cost(sorted(slots), num_rows) for num_rows, slots in by_length.items())

    def _cost(self, slots: Sequence[int], num_rows: int) -> float:
        gaps = [after - before - 1 for before, after in pairwise(slots) if after > before + 1]
        fills = [gap * num_rows if self._fills_gaps else PASS_COST_ROWS for gap in gaps]
        return PASS_COST_ROWS + num_rows * len(slots) + sum(min(PASS_COST_ROWS, f) for f in fills)

    def distance(self, slot: int, running: Sequence[int]) -> int:
        """See `BatchCosts.distance`: 0 between running slots, else the distance to the nearest one in slots."""
        if not running or min(running) < slot < max(running):
            return 0
        return min(abs(slot - each) for each in running)


def filler_cost_rows(num_rows: int, position: int) -> float:
    """The cost of a filler of `num_rows` rows in a slot that holds `position` tokens, in rows."""
    return num_rows * (1 + position / CELLS_PER_ROW)
