"""The model as the engine sees it: rows of tokens in, rows of logits out, one KV cache per slot.

`BatchCosts` is what the engine may know of how a runner computes: which batches are cheap. Implemented by `llama.LlamaRunner` on llama.cpp and by `testing.ScriptedModel` without weights.
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
    """Of the token in its sequence, from 0: the number of tokens before it in the slot."""
    slots: Int32Array
    """The slot of each row, 0 <= slot < `ModelRunner.num_slots`."""
    wants_logits: npt.NDArray[np.int8]
    """1 for the rows whose logits are wanted, else 0."""

    @property
    def num_rows(self) -> int:
        return len(self.token_ids)


class BatchCosts(Protocol):
    """How a runner's time depends on the shape of a batch. Changes how fast a batch is, never a result."""

    def cost(self, runs: Sequence[tuple[int, int]]) -> float:
        """The time of a forward pass, in times of one row more. `runs`: (slot, number of rows) of each
        sequence, in any order; at least one."""

    def distance(self, slot: int, running: Sequence[int]) -> int:
        """How well a sequence in `slot` can be computed together with those in the slots `running`: 0 is as
        well as anywhere, more is worse."""


@dataclass(frozen=True, slots=True)
class LinearCosts:
    """A pass costs the same however its rows are spread over slots: ragged batches."""

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
        """Whether a row's logits have the same bits whatever else is in the batch and however its
        sequence was cut into batches, single rows included."""

    @property
    def batch_costs(self) -> BatchCosts: ...

    @property
    def end_token_ids(self) -> frozenset[int]: ...

    def forward(self, batch: Batch) -> Float32Array:
        """Put the rows into the KV cache; return logits, shape (rows that want them, vocab_size).

        The array is a view that the next call overwrites.
        """

    def copy_prefix(self, source: int, targets: Sequence[int], num_tokens: int) -> None:
        """Make each target slot hold exactly the first `num_tokens` tokens of the source slot."""

    def truncate(self, slot: int, num_tokens: int) -> None:
        """Forget everything in the slot after its first `num_tokens` tokens, if it holds more."""

    def close(self) -> None:
        """Free the model. Nothing may be called afterwards."""
