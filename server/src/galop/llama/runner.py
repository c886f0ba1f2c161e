"""`engine.ModelRunner` on llama.cpp: one context, one KV stream per slot.

Every slot has a stream of its own (`kv_unified` off), flash attention is off, and runs of different
lengths go into different calls: measured on x86, that makes a sequence's logits bit-identical
whatever else is in the batch and however its prompt was cut into chunks of two rows or more, which
is what lets the same seed give the same bytes (docs/decisions/0002).

Batches are filled through numpy views of preallocated arrays.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from galop.engine.drafts import LONGEST_DRAFT
from galop.engine.runner import Batch, Float32Array, Int32Array
from galop.llama.errors import ModelMemoryError
from galop.llama.library import forget_errors, kernels, last_errors, llama
from galop.llama.model import LlamaModel
from galop.llama.threads import AdaptiveThreads, Threads

DEFAULT_BATCH_ROWS = 512
"""Rows per forward pass; larger ones do not help small models on CPUs."""


class LlamaRunner:
    """Owns the model's context. Use from one thread at a time.

    `num_threads` is the most that a batch uses. How many it does use starts with `threads_by_rows`
    (see `llama.threads`) and then follows what steps take.
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
        self._num_slots = num_slots
        self.threads: Threads = AdaptiveThreads(num_threads, threads_by_rows or {})
        self._max_batch_rows = max(max_batch_rows, num_slots)
        params = llama.llama_context_default_params()
        params.n_ctx = context_window * num_slots
        params.n_seq_max = num_slots
        params.n_batch = params.n_ubatch = self._max_batch_rows
        params.n_threads = params.n_threads_batch = num_threads
        # Our attention; llama.cpp's own would give other bits for other batches.
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
        self._context_window = int(llama.llama_n_ctx_seq(self._context))
        self._end_token_ids = model.end_token_ids
        self._allocate_batch()
        num_own, num_foreign = kernels.count(own=True), kernels.count(own=False)
        self._warm_up()
        # Everything that can differ from batch to batch was computed by our kernels: nothing was left
        # to others, and there was about as much as layers have (what llama.cpp packed its own way
        # never gets here).
        self._is_batch_invariant = (
            kernels.can_attend(model.head_sizes)
            and kernels.count(own=False) == num_foreign
            and kernels.count(own=True) - num_own >= 4 * model.num_layers
            and not model.has_experts
        )

    def _allocate_batch(self) -> None:
        rows = self._max_batch_rows
        self._tokens = np.zeros(rows, dtype=np.int32)
        self._positions = np.zeros(rows, dtype=np.int32)
        self._slots = np.zeros(rows, dtype=np.int32)
        self._wants_logits = np.zeros(rows, dtype=np.int8)
        num_logits = self._num_slots + LONGEST_DRAFT
        self._logits = np.empty((num_logits, self.vocab_size), dtype=np.float32)
        num_slot_ids = np.ones(rows, dtype=np.int32)
        addresses = self._slots.ctypes.data + 4 * np.arange(rows, dtype=np.uintp)
        self._keep_alive = (num_slot_ids, addresses)
        batch = llama.llama_batch()
        batch.token = self._tokens.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        batch.pos = self._positions.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        batch.n_seq_id = num_slot_ids.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        batch.seq_id = addresses.ctypes.data_as(ctypes.POINTER(ctypes.POINTER(ctypes.c_int32)))
        batch.logits = self._wants_logits.ctypes.data_as(ctypes.POINTER(ctypes.c_int8))
        self._batch = batch

    def _warm_up(self) -> None:
        """One forward pass, so that the first request does not wait for weights to be paged in."""
        one = np.zeros(1, dtype=np.int32)
        self.forward(Batch(one, one, one, np.ones(1, dtype=np.int8)))
        self.truncate(0, 0)

    @property
    def vocab_size(self) -> int:
        return self._model.vocab_size

    @property
    def num_slots(self) -> int:
        return self._num_slots

    @property
    def context_window(self) -> int:
        return self._context_window

    @property
    def max_batch_rows(self) -> int:
        return self._max_batch_rows

    @property
    def is_batch_invariant(self) -> bool:
        return self._is_batch_invariant

    @property
    def end_token_ids(self) -> frozenset[int]:
        return self._end_token_ids

    def forward(self, batch: Batch) -> Float32Array:
        """See `ModelRunner.forward`. Raises RuntimeError if llama.cpp refuses the batch."""
        groups = _groups_of_equal_runs(batch.slots)
        if len(groups) == 1:
            return self._decode(batch)
        num_logits = int(np.count_nonzero(batch.wants_logits))
        row_of_logits = np.cumsum(batch.wants_logits) - 1
        for rows in groups:
            part = Batch(
                batch.token_ids[rows],
                batch.positions[rows],
                batch.slots[rows],
                batch.wants_logits[rows],
            )
            logits = self._decode(part)
            self._logits[row_of_logits[rows[part.wants_logits > 0]]] = logits
        return self._logits[:num_logits]

    def _decode(self, batch: Batch) -> Float32Array:
        """One call of llama.cpp, for runs of equal length."""
        rows = batch.num_rows
        self._tokens[:rows] = batch.token_ids
        self._positions[:rows] = batch.positions
        self._slots[:rows] = batch.slots
        self._wants_logits[:rows] = batch.wants_logits
        self._batch.n_tokens = rows
        threads = self.threads.choose(rows)
        llama.llama_set_n_threads(self._context, threads, threads)
        start = time.perf_counter()
        status = llama.llama_decode(self._context, self._batch)
        self.threads.record(rows, time.perf_counter() - start)
        if status != 0:
            raise RuntimeError(f"llama_decode returned {status} for {rows} rows")
        num_logits = int(np.count_nonzero(batch.wants_logits))
        if not num_logits:
            return np.empty((0, self.vocab_size), dtype=np.float32)
        pointer = llama.llama_get_logits(self._context)
        return np.ctypeslib.as_array(pointer, shape=(num_logits, self.vocab_size))

    def copy_prefix(self, source: int, targets: Sequence[int], num_tokens: int) -> None:
        """Copies through a buffer of the cells in use; `llama_memory_seq_cp` between streams would
        copy (and so touch) whole streams, 30 times as much for a prefix of 300 tokens."""
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


def _groups_of_equal_runs(slots: Int32Array) -> list[npt.NDArray[np.intp]]:
    """Row indices, grouped by how many rows their slot has in the batch.

    llama.cpp cuts a batch into parts with equally many rows of every stream, so a call with a long
    and a short run would compute the beginning of the long one apart, by other kernels if it is
    only one row. Separate calls cost nothing more and keep every run whole.
    """
    starts = np.flatnonzero(np.diff(slots, prepend=-1))
    lengths = np.diff(starts, append=len(slots))
    length_of_row = np.repeat(lengths, lengths)
    return [np.flatnonzero(length_of_row == length) for length in np.unique(lengths)]
