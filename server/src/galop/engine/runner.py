"""The interface of model runners: rows of tokens in, rows of logits out, one KV cache per slot.

Implemented by `backends.llama.runner.LlamaRunner` with llama.cpp, and by `backends.scripted.ScriptedModel`
without weights. `BatchCosts` says which batches of a runner are cheap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Int32Array = npt.NDArray[np.int32]
Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows for one forward pass. All arrays have shape (num_rows,).

    The rows of a slot are in order, follow each other, and continue what its KV cache holds.
    """

    token_ids: Int32Array
    positions: Int32Array
    """Number of tokens before the row's token in its sequence."""
    slots: Int32Array
    """The slot of each row, 0 <= slot < `ModelRunner.num_slots`."""
    needs_logits: npt.NDArray[np.int8]
    """1 for the rows whose logits `forward` returns, else 0."""

    @property
    def num_rows(self) -> int:
        return len(self.token_ids)


class BatchCosts(Protocol):
    """How the time of a forward pass depends on the shape of its batch. Never affects a result."""

    def cost(self, runs: Sequence[tuple[int, int]]) -> float:
        """The time of a forward pass; the unit is the time of one more row. `runs`: (slot, number of
        rows) of each sequence, in any order; at least one."""

    def distance(self, slot: int, running: Sequence[int]) -> int:
        """How much slower a sequence in `slot` is computed together with those in the slots `running`
        than in the best slot; 0 in the best one. Only the order of distances has a meaning."""


@dataclass(frozen=True, slots=True)
class LinearCosts:
    """The cost of a pass that depends on the number of its rows alone."""

    pass_cost_rows: float = 5.0
    """Fixed cost of a forward pass, in rows."""

    def cost(self, runs: Sequence[tuple[int, int]]) -> float:
        """See `BatchCosts.cost`."""
        return self.pass_cost_rows + sum(num_rows for _, num_rows in runs)

    def distance(self, slot: int, running: Sequence[int]) -> int:
        """See `BatchCosts.distance`."""
        return 0


class ModelRunner(Protocol):
    """Runs the model. Called from one thread only."""

    @property
    def vocab_size(self) -> int: ...

    @property
    def num_slots(self) -> int:
        """How many sequences can be in the KV cache at once."""

    @property
    def context_window(self) -> int:
        """How many tokens fit into one slot."""

    @property
    def max_batch_rows(self) -> int:
        """How many rows one `forward` takes."""

    @property
    def is_batch_invariant(self) -> bool:
        """Whether the bits of a row's logits depend neither on the other rows of the batch nor on how its
        sequence was cut into batches, single rows included."""

    @property
    def batch_costs(self) -> BatchCosts: ...

    @property
    def end_token_ids(self) -> frozenset[int]: ...

    def forward(self, batch: Batch) -> Float32Array:
        """Append the rows to the KV cache; returns logits of shape (number of `needs_logits`, vocab_size).

        The next call may overwrite the array.
        """

    def copy_prefix(self, source: int, targets: Sequence[int], num_tokens: int) -> None:
        """Replace the contents of each target slot by the first `num_tokens` tokens of the source slot."""

    def truncate(self, slot: int, num_tokens: int) -> None:
        """Forget everything in the slot after its first `num_tokens` tokens, if it holds more."""

    def close(self) -> None:
        """Free the model. No method may be called afterwards."""
