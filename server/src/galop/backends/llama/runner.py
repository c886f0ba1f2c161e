"""`engine.runner.ModelRunner` with llama.cpp: one context, one KV stream per slot.

Every slot has a stream of its own (`kv_unified` off). Attention is computed by our kernel if it supports
the model's head sizes, else by llama.cpp's operations without flash attention. Runs of different lengths
go into different calls. Measured on x86, the bits of a sequence's logits then depend neither on the rest
of the batch nor on how its prompt was cut into chunks of two rows or more (docs/decisions/0002 and 0008).

`costs` says which shapes of batches are cheap.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from galop.backends.llama.costs import PASS_COST_ROWS, StreamCosts, filler_cost_rows
from galop.backends.llama.errors import ModelMemoryError
from galop.backends.llama.library import forget_errors, kernels, last_errors, llama
from galop.backends.llama.model import LlamaModel
from galop.backends.llama.threads import AdaptiveThreads, ThreadPolicy
from galop.engine.drafts import LONGEST_DRAFT
from galop.engine.runner import Batch, BatchCosts, Float32Array, Int32Array

DEFAULT_BATCH_ROWS = 512
"""Rows of a forward pass. Larger batches are no faster for small models on CPUs."""


class LlamaRunner:
    """Owns the model and its context. Use from one thread at a time.

    `num_threads`: the most that compute a batch. `threads_by_rows`: how many compute it at first
    (`threads.threads_for`); then the number follows the measured times of steps.
    Raises `ModelMemoryError` if the KV cache cannot be allocated.
    """

    def __init__(
        self,
        model: LlamaModel,
        *,
        num_slots: int,
        context_window: int,
        num_threads: int,
        threads_by_rows: Mapping[int, int] | None = None,
        max_batch_rows: int = DEFAULT_BATCH_ROWS,
    ) -> None:
        self._model = model
        self.vocab_size = model.vocab_size
        self.num_slots = num_slots
        self.end_token_ids = model.end_token_ids
        self.threads: ThreadPolicy = AdaptiveThreads(num_threads, threads_by_rows or {})
        self.max_batch_rows = max(max_batch_rows, num_slots)
        params = llama.llama_context_default_params()
        params.n_ctx = context_window * num_slots
        params.n_seq_max = num_slots
        params.n_batch = params.n_ubatch = self.max_batch_rows
        params.n_threads = params.n_threads_batch = num_threads
        # Our attention. The bits of llama.cpp's flash attention depend on the batch.
        params.flash_attn_type = (
            llama.LLAMA_FLASH_ATTN_TYPE_ENABLED
            if kernels.can_attend(model.head_sizes)
            else llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        params.kv_unified = False
        params.no_perf = True
        forget_errors()
        self._context = llama.llama_init_from_model(model.pointer, params)
        if not self._context:
            reason = last_errors[0] if last_errors else "the context could not be created"
            raise ModelMemoryError(
                model.path, f"{reason} ({num_slots} sequences of {context_window} tokens)"
            )
        self._memory = llama.llama_get_memory(self._context)
        self.context_window = int(llama.llama_n_ctx_seq(self._context))
        self.is_batch_invariant = False
        self._allocate_batch()
        num_own, num_foreign = kernels.count(own=True), kernels.count(own=False)
        self._warm_up()
        # Batch-invariant if our kernels computed all operations whose bits can depend on the batch: none
        # was left to llama.cpp's kernels, and there were enough for all layers. (Operations on weights
        # that llama.cpp repacks are not counted.)
        self.is_batch_invariant = (
            kernels.can_attend(model.head_sizes)
            and kernels.count(own=False) == num_foreign
            and kernels.count(own=True) - num_own >= 4 * model.num_layers
            and not model.has_experts
        )
        self.batch_costs: BatchCosts = StreamCosts(fills_gaps=self.is_batch_invariant)

    def _allocate_batch(self) -> None:
        rows = self.max_batch_rows
        self._tokens = np.zeros(rows, dtype=np.int32)
        self._positions = np.zeros(rows, dtype=np.int32)
        self._slots = np.zeros(rows, dtype=np.int32)
        self._needs_logits = np.zeros(rows, dtype=np.int8)
        num_logits = self.num_slots + LONGEST_DRAFT
        self._logits = np.empty((num_logits, self.vocab_size), dtype=np.float32)
        num_slot_ids = np.ones(rows, dtype=np.int32)
        addresses = self._slots.ctypes.data + 4 * np.arange(rows, dtype=np.uintp)
        self._keep_alive = (num_slot_ids, addresses)
        batch = llama.llama_batch()
        batch.token = self._tokens.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        batch.pos = self._positions.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        batch.n_seq_id = num_slot_ids.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        batch.seq_id = addresses.ctypes.data_as(ctypes.POINTER(ctypes.POINTER(ctypes.c_int32)))
        batch.logits = self._needs_logits.ctypes.data_as(ctypes.POINTER(ctypes.c_int8))
        self._batch = batch

    def _warm_up(self) -> None:
        """One forward pass: pages in the weights before the first request."""
        one = np.zeros(1, dtype=np.int32)
        self.forward(Batch(one, one, one, np.ones(1, dtype=np.int8)))
        self.truncate(0, 0)

    def forward(self, batch: Batch) -> Float32Array:
        """See `ModelRunner.forward`. Raises RuntimeError if llama.cpp refuses the batch."""
        row_of_logits = np.cumsum(batch.needs_logits) - 1
        by_length = _runs_by_length(batch.slots)
        for length, runs in by_length.items():
            part = self._part(length, runs)
            if len(by_length) == 1 and part.is_whole:
                return self._decode(batch, length)
            logits = self._decode(part.batch_of(batch), length)
            wanted = part.rows[part.rows >= 0]
            wanted = wanted[batch.needs_logits[wanted] > 0]
            self._logits[row_of_logits[wanted]] = logits
            for slot, position in part.fillers:
                self.truncate(slot, position)
        return self._logits[: int(np.count_nonzero(batch.needs_logits))]

    def _part(self, length: int, runs: list[tuple[int, int]]) -> _Part:
        """Runs of `length` rows, each (slot, first row), for one call of llama.cpp. Gaps between the
        slots are filled where that costs less than another pass (see `costs`)."""
        part = _Part(length)
        last = runs[0][0] - 1
        has_room = (runs[-1][0] - last) * length <= self.max_batch_rows
        for slot, start in runs:
            if slot > last + 1 and has_room and self.is_batch_invariant:
                part.fill(self._fillers(range(last + 1, slot), length))
            part.add(start)
            last = slot
        return part

    def _fillers(self, gap: range, length: int) -> list[tuple[int, int]]:
        """(slot, its next position) for each slot of a gap; [] if another pass costs less or a slot is full."""
        next_position = llama.llama_memory_seq_pos_max
        fillers = [(slot, int(next_position(self._memory, slot)) + 1) for slot in gap]
        cost = sum(filler_cost_rows(length, position) for _, position in fillers)
        has_room = all(position + length <= self.context_window for _, position in fillers)
        return fillers if has_room and cost < PASS_COST_ROWS else []

    def _decode(self, batch: Batch, length: int) -> Float32Array:
        """One call of llama.cpp, for runs of `length` rows."""
        rows = batch.num_rows
        self._tokens[:rows] = batch.token_ids
        self._positions[:rows] = batch.positions
        self._slots[:rows] = batch.slots
        self._needs_logits[:rows] = batch.needs_logits
        self._batch.n_tokens = rows
        threads = self.threads.choose(rows, rows // length)
        llama.llama_set_n_threads(self._context, threads, threads)
        start = time.perf_counter()
        status = llama.llama_decode(self._context, self._batch)
        self.threads.record(rows, rows // length, time.perf_counter() - start)
        if status != 0:
            raise RuntimeError(f"llama_decode returned {status} for {rows} rows")
        num_logits = int(np.count_nonzero(batch.needs_logits))
        if not num_logits:
            return np.empty((0, self.vocab_size), dtype=np.float32)
        pointer = llama.llama_get_logits(self._context)
        return np.ctypeslib.as_array(pointer, shape=(num_logits, self.vocab_size))

    def copy_prefix(self, source: int, targets: Sequence[int], num_tokens: int) -> None:
        """Copies the cells in use through a buffer. `llama_memory_seq_cp` between streams copies whole
        streams, 30 times as much for a prefix of 300 tokens."""
        size = llama.llama_state_seq_get_size(self._context, source)
        state = (ctypes.c_uint8 * size)()
        if llama.llama_state_seq_get_data(self._context, state, size, source) != size:
            raise RuntimeError(f"the KV cache of slot {source} could not be read")
        for target in targets:
            if llama.llama_state_seq_set_data(self._context, state, size, target) != size:
                raise RuntimeError(f"the KV cache of slot {target} could not be written")
            self.truncate(target, num_tokens)

    def truncate(self, slot: int, num_tokens: int) -> None:
        llama.llama_memory_seq_rm(self._memory, slot, num_tokens, -1)

    def close(self) -> None:
        if self._context:
            llama.llama_free(self._context)
            self._context = None
        self._model.close()


def _runs_by_length(slots: Int32Array) -> dict[int, list[tuple[int, int]]]:
    """Length of runs to (slot, first row) of each run, ascending."""
    starts = np.flatnonzero(np.diff(slots, prepend=-1)).tolist()
    ends = [*starts[1:], len(slots)]
    by_length: dict[int, list[tuple[int, int]]] = {}
    for start, end in zip(starts, ends, strict=True):
        by_length.setdefault(end - start, []).append((int(slots[start]), start))
    return {length: sorted(runs) for length, runs in by_length.items()}


class _Part:
    """Rows for one call of llama.cpp: runs of one length, and fillers between them."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._runs: list[int | tuple[int, int]] = []
        """The first row of a run, or (slot, position) of a filler."""

    def add(self, start: int) -> None:
        self._runs.append(start)

    def fill(self, fillers: list[tuple[int, int]]) -> None:
        self._runs += fillers

    @property
    def fillers(self) -> list[tuple[int, int]]:
        """(slot, number of its tokens before the filler)."""
        return [run for run in self._runs if isinstance(run, tuple)]

    @property
    def is_whole(self) -> bool:
        """Whether the part has all rows of the batch in their order, and no others."""
        return self._runs == [index * self._length for index in range(len(self._runs))]

    @cached_property
    def rows(self) -> npt.NDArray[np.intp]:
        """Row indices in the batch; -1 for rows of fillers."""
        steps = np.arange(self._length)
        filler = np.full(self._length, -1)
        return np.concatenate(
            [filler if isinstance(run, tuple) else run + steps for run in self._runs]
        )

    def batch_of(self, batch: Batch) -> Batch:
        """The rows of the part. Fillers have arbitrary tokens."""
        rows, steps = self.rows, np.arange(self._length, dtype=np.int32)
        part = Batch(
            batch.token_ids[rows],
            batch.positions[rows],
            batch.slots[rows],
            np.where(rows < 0, 0, batch.needs_logits[rows]).astype(np.int8),
        )
        for index, run in enumerate(self._runs):
            if isinstance(run, tuple):
                filler = slice(index * self._length, (index + 1) * self._length)
                part.slots[filler], part.positions[filler] = run[0], run[1] + steps
        return part
