"""Decides what the next forward pass computes. Pure: no model, no clock, no thread.

Theory of operation. Every sequence that runs owns a slot of the KV cache. A step takes all pending
tokens of the sequences that decode (one each, more after forced tokens) and fills up with prompt
tokens of those that prefill, no more than `prefill_chunk` of them while anybody decodes: that bounds
the pause a long prompt can cause. `engine.prefill` shares these rows between prompts.

Slots remember their tokens after their sequence ended, so a slot is also an entry of the prefix
cache. A waiting sequence looks for the slot that shares the longest prefix with its prompt, running
slots included. Where the shared part is still being computed there, it waits for it instead of
computing it twice: that is how requests that arrive together pay for their common prefix once.
The last prompt token is always computed, for its logits.

Where the model's kernels give a row the same bits in any batch (`is_batch_invariant`), generated tokens
stay in the cache for the next turn of a conversation, a sequence that decodes alone may have a draft
(`engine.drafts`), and those that decode take equally many tokens in a step, because every length would
cost a pass over the weights of its own. Where they may treat a single row differently, an answer must not depend on what was
cached: then at least two prompt tokens are computed, a prompt is never cut so that one row stays alone,
and the cache keeps prompts only, because generated tokens were computed one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from galop.engine.drafts import PassCosts
from galop.engine.prefill import PrefillTurns, run_length
from galop.engine.queue import WaitingQueue
from galop.engine.runner import ROWS_LIKE_A_PASS, Batch, Int32Array
from galop.engine.sequence import Sequence

MIN_SHARED_TOKENS = 16
"""Prefixes shorter than this are computed again: cheaper than waiting for or copying them."""

_EMPTY = np.empty(0, dtype=np.int32)


@dataclass(slots=True)
class Slot:
    """One sequence's worth of KV cache."""

    index: int
    tokens: Int32Array = field(default_factory=lambda: _EMPTY)
    """What the cache holds while no sequence owns the slot."""
    sequence: Sequence | None = None
    last_used: int = 0

    @property
    def num_computed_tokens(self) -> int:
        return len(self.tokens) if self.sequence is None else self.sequence.num_computed_tokens


@dataclass(frozen=True, slots=True)
class PrefixCopy:
    """The first `num_tokens` of slot `source` go into slot `target` before the forward pass."""

    source: int
    target: int
    num_tokens: int


@dataclass(frozen=True, slots=True)
class Truncation:
    """Slot `slot` forgets everything after its first `num_tokens`."""

    slot: int
    num_tokens: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One step, decided. First copies, then truncations, then the forward pass."""

    admitted: list[Sequence]
    copies: list[PrefixCopy]
    truncations: list[Truncation]
    rows: list[tuple[Sequence, int]]
    """(sequence, how many of its pending tokens), in batch order."""

    @property
    def is_empty(self) -> bool:
        return not self.rows

    def batch(self) -> Batch:
        """The rows as arrays, drafts behind their sequence's pending token. Logits are wanted where a
        sequence has no pending token left, and of every draft token."""
        token_ids, positions, slots = [], [], []
        num_rows = sum(count + len(sequence.draft) for sequence, count in self.rows)
        wants_logits = np.zeros(num_rows, dtype=np.int8)
        end = 0
        for sequence, count in self.rows:
            assert sequence.slot is not None
            start = sequence.num_computed_tokens
            token_ids.append(sequence.pending_tokens(count))
            if sequence.draft:
                token_ids.append(np.asarray(sequence.draft, dtype=np.int32))
                count += len(sequence.draft)
            positions.append(np.arange(start, start + count, dtype=np.int32))
            slots.append(np.full(count, sequence.slot, dtype=np.int32))
            end += count
            if start + count >= sequence.num_tokens:
                wants_logits[end - 1 - len(sequence.draft) : end] = 1
        return Batch(
            np.concatenate(token_ids),
            np.concatenate(positions),
            np.concatenate(slots),
            wants_logits,
        )


class Scheduler:
    """Owns the queue and the slots. Who gets a slot next is decided by `engine.queue`, and whose prompt is
    computed next by `engine.prefill`."""

    def __init__(
        self,
        *,
        num_slots: int,
        max_batch_rows: int,
        prefill_chunk: int,
        is_batch_invariant: bool = False,
    ) -> None:
        if not num_slots <= max_batch_rows:
            raise ValueError("a batch must hold at least one row for every slot")
        self.slots = [Slot(index) for index in range(num_slots)]
        self.waiting = WaitingQueue()
        self.max_batch_rows = max_batch_rows
        self.prefill_chunk = prefill_chunk
        self.is_batch_invariant = is_batch_invariant
        self.pass_costs = PassCosts()
        self._least_run = 1 if is_batch_invariant else 2
        self._clock = 0
        self._prefill_turns = PrefillTurns(chunk=prefill_chunk, least_run=self._least_run)
        self._prefix_waiters: dict[Sequence, list[tuple[Sequence, int]]] = {}
        """See `engine.prefill.Waiters`; made anew by every `_admit`."""
        self._num_admitted = 0

    @property
    def running(self) -> list[Sequence]:
        return [slot.sequence for slot in self.slots if slot.sequence is not None]

    @property
    def is_idle(self) -> bool:
        return not self.waiting and not self.running

    def num_kv_tokens(self) -> tuple[int, int]:
        """Tokens in the KV cache: of running sequences, and kept for prompts that begin alike."""
        running = sum(slot.num_computed_tokens for slot in self.slots if slot.sequence is not None)
        return running, sum(len(slot.tokens) for slot in self.slots if slot.sequence is None)

    def __repr__(self) -> str:
        return f"<Scheduler {len(self.running)} running, {len(self.waiting)} waiting>"

    def add(self, sequence: Sequence) -> None:
        """Queue a new sequence."""
        self.waiting.add(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Take a sequence out, waiting or running; its slot keeps what is computed."""
        self.waiting.end(sequence)
        if sequence.slot is None:
            return
        slot = self.slots[sequence.slot]
        if self.is_batch_invariant:
            slot.tokens = sequence.computed_tokens()
        else:
            slot.tokens = sequence.prompt[: sequence.num_computed_tokens]
        slot.sequence = None
        slot.last_used = self._tick()
        sequence.slot = None

    def forget(self, slot_index: int) -> None:
        """The KV cache of a free slot is no longer to be trusted."""
        self.slots[slot_index].tokens = _EMPTY

    def schedule(self) -> Plan:
        """Admit what fits, then choose the rows of the next forward pass."""
        admitted, copies, truncations = self._admit()
        return Plan(admitted, copies, truncations, self._choose_rows())

    def _choose_rows(self) -> list[tuple[Sequence, int]]:
        running = self.running
        decoding = [sequence for sequence in running if not sequence.is_prefilling]
        prefilling = [sequence for sequence in running if sequence.is_prefilling]
        take = self._equal_runs if self.is_batch_invariant else self._whole_runs
        rows = take(decoding)
        budget = self.max_batch_rows - sum(count for _, count in rows)
        budget -= self._draft(decoding, rows, budget)
        return rows + self._prefill_turns.choose(
            prefilling, self._prefix_waiters, free_rows=budget, is_decoding=bool(decoding)
        )

    def _equal_runs(self, decoding: list[Sequence]) -> list[tuple[Sequence, int]]:
        """The length that gets most done for the time of a pass: one token of everybody, or a long forced
        run of some. Then the others wait, but never twice in a row."""
        if not decoding:
            return []
        pending = [sequence.num_pending_tokens for sequence in decoding]
        most = min((s.num_pending_tokens for s in decoding if s.has_waited), default=max(pending))
        most = min(most, self.max_batch_rows)
        takers = {
            length: [s for s in decoding if s.num_pending_tokens >= length]
            for length in sorted({1, *(min(each, most) for each in pending)})
        }
        length = max(
            (each for each in takers if each * len(takers[each]) <= self.max_batch_rows),
            key=lambda each: _efficiency(takers[each], each),
        )
        for sequence in decoding:
            sequence.has_waited = sequence.num_pending_tokens < length
        return [(sequence, length) for sequence in takers[length]]

    def _whole_runs(self, decoding: list[Sequence]) -> list[tuple[Sequence, int]]:
        """All that is pending, as far as a batch has room."""
        rows = []
        budget = self.max_batch_rows - len(decoding)  # one row each is certain
        for sequence in decoding:
            count = run_length(sequence.num_pending_tokens, 1 + budget, self._least_run)
            rows.append((sequence, count))
            budget -= count - 1
        return rows

    def _draft(
        self, decoding: list[Sequence], rows: list[tuple[Sequence, int]], budget: int
    ) -> int:
        """Give a draft of at most `budget` tokens to the sequence that decodes alone; its length."""
        for sequence in decoding:
            sequence.draft = []
        if len(decoding) != 1 or not self.is_batch_invariant:
            return 0
        [(sequence, count)] = rows
        if sequence.drafter is None or count < sequence.num_pending_tokens:
            return 0
        # Of the tokens that may still come, the last one is chosen, not guessed.
        most = min(sequence.max_tokens - sequence.num_completion_tokens - 1, budget)
        sequence.draft = sequence.drafter.propose(
            sequence.completion, most, self.pass_costs.of_a_row
        )
        return len(sequence.draft)

    def _admit(self) -> tuple[list[Sequence], list[PrefixCopy], list[Truncation]]:
        admitted: list[Sequence] = []
        copies: list[PrefixCopy] = []
        truncations: list[Truncation] = []
        self._prefix_waiters = {}
        num_held_back = 0
        free = [slot for slot in self.slots if slot.sequence is None]
        for sequence in self.waiting.in_turn() if free else ():
            if len(free) <= num_held_back:
                break
            source, num_shared = self._longest_shared_prefix(sequence)
            if source is not None and num_shared > source.num_computed_tokens:
                # A running slot is to compute this prefix.
                assert source.sequence is not None
                self._prefix_waiters.setdefault(source.sequence, []).append((sequence, num_shared))
                num_held_back += 1
                continue
            target = self._choose_target(free, source, num_shared)
            free.remove(target)
            if source is None:
                num_shared = 0
            elif source is not target:
                copies.append(PrefixCopy(source.index, target.index, num_shared))
            if (source is None or source is target) and target.last_used:
                # Also where every remembered token is shared: the completion lies behind them.
                truncations.append(Truncation(target.index, num_shared))
            target.tokens, target.sequence = _EMPTY, sequence
            sequence.slot = target.index
            sequence.admission_index = self._num_admitted
            self._num_admitted += 1
            sequence.num_computed_tokens = sequence.num_cached_tokens = num_shared
            self.waiting.start(sequence)
            admitted.append(sequence)
        return admitted, copies, truncations

    def _longest_shared_prefix(self, sequence: Sequence) -> tuple[Slot | None, int]:
        """The slot that shares most with this prompt, preferring what is computed already."""
        best: Slot | None = None
        best_shared = MIN_SHARED_TOKENS - 1
        limit = sequence.num_prompt_tokens - self._least_run
        for slot in self.slots:
            tokens = slot.tokens if slot.sequence is None else slot.sequence.prompt
            num_shared = min(_num_shared(tokens, sequence.prompt), limit)
            is_ready = num_shared <= slot.num_computed_tokens
            if num_shared > best_shared or (
                num_shared == best_shared
                and is_ready
                and best is not None
                and best.num_computed_tokens < num_shared
            ):
                best, best_shared = slot, num_shared
        return best, best_shared if best is not None else 0

    def _choose_target(self, free: list[Slot], source: Slot | None, num_shared: int) -> Slot:
        """The source itself where little would be lost. Else a slot between those that run, because what
        runs side by side is computed in one pass; or, of the half of the free ones that were unused for
        longest, the one nearest to those that run."""
        if source is not None and source.sequence is None and source in free:
            loses_little = num_shared * 2 >= len(source.tokens)
            if loses_little or len(free) == 1:
                return source
        others = [slot for slot in free if slot is not source] or free
        others.sort(key=lambda slot: (len(slot.tokens) > 0, slot.last_used))
        taken = [slot.index for slot in self.slots if slot.sequence is not None]
        if not taken:
            return others[0]
        for slot in others:
            if taken[0] < slot.index < taken[-1]:
                return slot
        older_half = others[: (len(others) + 1) // 2]
        return min(older_half, key=lambda slot: min(abs(slot.index - each) for each in taken))

    def _tick(self) -> int:
        self._clock += 1
        return self._clock


def _efficiency(sequences: list[Sequence], length: int) -> float:
    """Rows computed per cost, in rows, of a pass that takes `length` tokens of each sequence. The model
    computes slots that follow each other at once; a gap is filled or costs another pass."""
    slots = [sequence.slot for sequence in sequences if sequence.slot is not None]
    gaps = (after - before - 1 for before, after in pairwise(slots))
    num_rows = length * len(slots)
    return num_rows / (
        num_rows + ROWS_LIKE_A_PASS + sum(min(ROWS_LIKE_A_PASS, length * gap) for gap in gaps)
    )


def _num_shared(left: Int32Array, right: Int32Array) -> int:
    length = min(len(left), len(right))
    if length == 0 or left[0] != right[0]:
        return 0
    differs = left[:length] != right[:length]
    first = int(differs.argmax())
    return first if differs[first] else length
