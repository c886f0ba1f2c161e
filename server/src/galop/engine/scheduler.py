"""Decides what the next forward pass computes. Pure: no model, no clock, no thread.

Theory of operation. Every sequence that runs owns a slot of the KV cache. A step takes all pending
tokens of the sequences that decode (one each, more after forced tokens) and fills up with prompt
tokens of those that prefill, no more than `prefill_chunk` of them while a sequence decodes: that bounds
the pause a long prompt can cause. `engine.prefill` shares these rows between prompts.

Slots remember their tokens after their sequence ended, so a slot is also an entry of the prefix
cache. A waiting sequence takes the longest prefix of its prompt from any slot, running ones included. If the
shared part is still being computed there, the sequence waits for it: requests that arrive together compute
their common prefix once. The last prompt token is always computed, for its logits.

Which sequences decode in a step, how many tokens of each, and which slot a new one gets depends on the
runner's costs (`engine.runner.BatchCosts`); results do not.

Where a row has the same bits in any batch (`ModelRunner.is_batch_invariant`), generated tokens stay in
the cache for the next turn of a conversation, a sequence that decodes alone may have a draft
(`engine.drafts`), and forced tokens may be computed in any number of steps. Where a single row may differ
from the same row in a larger batch, an answer must not depend on what was cached: at least two prompt tokens
are computed, no run of a prompt has a single row, forced tokens are computed in one step, and the cache keeps
prompts only, because generated tokens were computed one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from galop.engine.drafts import DraftRowCost
from galop.engine.prefill import PrefillTurns, run_length
from galop.engine.queue import WaitingQueue
from galop.engine.runner import Batch, BatchCosts, Int32Array, LinearCosts
from galop.engine.sequence import Sequence

MIN_SHARED_TOKENS = 16
"""Shorter prefixes are computed again, which is cheaper than to wait for them or to copy them."""

_EMPTY = np.empty(0, dtype=np.int32)


@dataclass(slots=True)
class Slot:
    """The KV cache of one sequence."""

    index: int
    """0 <= index < number of slots."""
    tokens: Int32Array = field(default_factory=lambda: _EMPTY)
    """The token ids in the KV cache of a free slot; empty while a sequence owns the slot."""
    sequence: Sequence | None = None
    """The owner; None while the slot is free."""
    last_used: int = 0
    """Number of sequences that had ended when the slot was last given back; 0: never used."""

    @property
    def num_computed_tokens(self) -> int:
        """Tokens in the KV cache."""
        return len(self.tokens) if self.sequence is None else self.sequence.num_computed_tokens


@dataclass(frozen=True, slots=True)
class PrefixCopy:
    """The first `num_tokens` of slot `source` go into slot `target` before the forward pass."""

    source: int
    """Slot index."""
    target: int
    """Slot index, not the source's."""
    num_tokens: int
    """At least `MIN_SHARED_TOKENS`."""


@dataclass(frozen=True, slots=True)
class Truncation:
    """Slot `slot` forgets everything after its first `num_tokens`."""

    slot: int
    """Slot index."""
    num_tokens: int
    """How many tokens stay, from 0."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One step, decided. First copies, then truncations, then the forward pass."""

    admitted: list[Sequence]
    """Those that got a slot in this step."""
    copies: list[PrefixCopy]
    """Into slots of admitted sequences."""
    truncations: list[Truncation]
    """Of slots of admitted sequences that no prefix is copied into."""
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
        needs_logits = np.zeros(num_rows, dtype=np.int8)
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
                needs_logits[end - 1 - len(sequence.draft) : end] = 1
        return Batch(
            np.concatenate(token_ids),
            np.concatenate(positions),
            np.concatenate(slots),
            needs_logits,
        )


class Scheduler:
    """Owns the queue and the slots. `engine.queue` decides which sequence gets a slot next, and
    `engine.prefill` which prompts are computed next."""

    def __init__(
        self,
        *,
        num_slots: int,
        max_batch_rows: int,
        prefill_chunk: int,
        is_batch_invariant: bool = False,
        batch_costs: BatchCosts | None = None,
    ) -> None:
        """See `ModelRunner` for all but `prefill_chunk`: the most prompt tokens of a step while others
        wait for it. Raises ValueError if a batch has fewer rows than there are slots."""
        if not num_slots <= max_batch_rows:
            raise ValueError("a batch must hold at least one row for every slot")
        self.slots = [Slot(index) for index in range(num_slots)]
        self.waiting = WaitingQueue()
        self.max_batch_rows = max_batch_rows
        self.prefill_chunk = prefill_chunk
        self.is_batch_invariant = is_batch_invariant
        self.draft_row_cost = DraftRowCost()
        self._batch_costs = batch_costs or LinearCosts()
        self._least_run = 1 if is_batch_invariant else 2
        self._num_ended = 0
        self._prefill_turns = PrefillTurns(chunk=prefill_chunk, least_run=self._least_run)
        self._prefix_waiters: dict[Sequence, list[tuple[Sequence, int]]] = {}
        """See `engine.prefill.Waiters`; rebuilt by every `_admit`."""
        self._num_admitted = 0

    @property
    def running(self) -> list[Sequence]:
        return [slot.sequence for slot in self.slots if slot.sequence is not None]

    @property
    def is_idle(self) -> bool:
        return not self.waiting and not self.running

    def num_kv_tokens(self) -> tuple[int, int]:
        """Tokens in the KV cache: of running sequences, and in free slots (the prefix cache)."""
        running = sum(slot.num_computed_tokens for slot in self.slots if slot.sequence is not None)
        return running, sum(len(slot.tokens) for slot in self.slots if slot.sequence is None)

    def __repr__(self) -> str:
        return f"<Scheduler {len(self.running)} running, {len(self.waiting)} waiting>"

    def add(self, sequence: Sequence) -> None:
        """Queue a new sequence."""
        self.waiting.add(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Remove a sequence, waiting or running. The tokens of its slot stay cached."""
        self.waiting.end(sequence)
        if sequence.slot is None:
            return
        slot = self.slots[sequence.slot]
        if self.is_batch_invariant:
            slot.tokens = sequence.computed_tokens()
        else:
            slot.tokens = sequence.prompt[: sequence.num_computed_tokens]
        slot.sequence = None
        self._num_ended += 1
        slot.last_used = self._num_ended
        sequence.slot = None

    def forget(self, slot_index: int) -> None:
        """Forget the tokens of a free slot."""
        self.slots[slot_index].tokens = _EMPTY

    def schedule(self) -> Plan:
        """Admit sequences, then choose the rows of the next forward pass."""
        admitted, copies, truncations = self._admit()
        return Plan(admitted, copies, truncations, self._choose_rows())

    def _choose_rows(self) -> list[tuple[Sequence, int]]:
        running = self.running
        decoding = [sequence for sequence in running if not sequence.is_prefilling]
        prefilling = [sequence for sequence in running if sequence.is_prefilling]
        rows = self._decode_rows(decoding)
        free_rows = self.max_batch_rows - sum(count for _, count in rows)
        free_rows -= self._draft(decoding, rows, free_rows)
        return rows + self._prefill_turns.choose(
            prefilling, self._prefix_waiters, free_rows=free_rows, is_decoding=bool(decoding)
        )

    def _decode_rows(self, decoding: list[Sequence]) -> list[tuple[Sequence, int]]:
        """The runs with the most rows for their cost. A sequence that is skipped takes part in the next
        step: all runs then have one length, at most the number of pending tokens of every skipped
        sequence."""
        whole = self._whole_runs(decoding)
        if not decoding or not self.is_batch_invariant:
            return whole
        candidates = self._equal_runs(decoding)
        if not any(sequence.was_skipped for sequence in decoding):
            candidates.append(whole)
        rows = max(candidates, key=self._rows_per_cost)
        chosen = {sequence for sequence, _ in rows}
        for sequence in decoding:
            sequence.was_skipped = sequence not in chosen
        return rows

    def _rows_per_cost(self, rows: list[tuple[Sequence, int]]) -> float:
        runs = [(sequence.slot, count) for sequence, count in rows if sequence.slot is not None]
        return sum(count for _, count in runs) / self._batch_costs.cost(runs)

    def _equal_runs(self, decoding: list[Sequence]) -> list[list[tuple[Sequence, int]]]:
        """For each length, shortest first, the runs of all sequences that have so many pending tokens. No
        length leaves out a sequence that was skipped in the previous step."""
        pending = [sequence.num_pending_tokens for sequence in decoding]
        most = min((s.num_pending_tokens for s in decoding if s.was_skipped), default=max(pending))
        most = min(most, self.max_batch_rows)
        equal = []
        for length in sorted({1, *(min(each, most) for each in pending)}):
            takers = [each for each in decoding if each.num_pending_tokens >= length]
            if length * len(takers) <= self.max_batch_rows:
                equal.append([(sequence, length) for sequence in takers])
        return equal

    def _whole_runs(self, decoding: list[Sequence]) -> list[tuple[Sequence, int]]:
        """All pending tokens of each sequence, as far as the batch has room."""
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
        """Give a sequence that decodes alone a draft of at most `budget` tokens. Returns the draft's length."""
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
            sequence.completion, most, self.draft_row_cost.share
        )
        return len(sequence.draft)

    def _admit(self) -> tuple[list[Sequence], list[PrefixCopy], list[Truncation]]:
        """Give free slots to waiting sequences. A sequence whose prefix a running one has yet to compute
        waits for it, and a free slot is kept for it."""
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
                assert source.sequence is not None
                self._prefix_waiters.setdefault(source.sequence, []).append((sequence, num_shared))
                num_held_back += 1
                continue
            target = self._choose_target(free, source, num_shared)
            free.remove(target)
            if source is not None and source is not target:
                copies.append(PrefixCopy(source.index, target.index, num_shared))
            elif target.last_used:
                # Also where every remembered token is shared: the completion lies behind them.
                truncations.append(Truncation(target.index, num_shared))
            self._start(sequence, target, num_shared)
            admitted.append(sequence)
        return admitted, copies, truncations

    def _start(self, sequence: Sequence, slot: Slot, num_cached_tokens: int) -> None:
        slot.tokens, slot.sequence = _EMPTY, sequence
        sequence.slot = slot.index
        sequence.admission_index = self._num_admitted
        self._num_admitted += 1
        sequence.num_computed_tokens = sequence.num_cached_tokens = num_cached_tokens
        self.waiting.start(sequence)

    def _longest_shared_prefix(self, sequence: Sequence) -> tuple[Slot | None, int]:
        """The slot with the longest common prefix, and the length of that in tokens; (None, 0) if it is
        shorter than `MIN_SHARED_TOKENS`. Among equals, a slot that has computed it already."""
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
        """The slot for a new sequence: the source of its prefix, if at least half of the tokens there are
        shared. Else the least recently used slot at distance 0 (`BatchCosts.distance`) from the running
        ones; if there is none, the nearest one of the half that was used least recently."""
        if source is not None and source.sequence is None and source in free:
            loses_little = num_shared * 2 >= len(source.tokens)
            if loses_little or len(free) == 1:
                return source
        others = [slot for slot in free if slot is not source] or free
        others.sort(key=lambda slot: (len(slot.tokens) > 0, slot.last_used))
        running = [slot.index for slot in self.slots if slot.sequence is not None]
        distances = [(self._batch_costs.distance(slot.index, running), slot) for slot in others]
        for distance, slot in distances:
            if distance == 0:
                return slot
        older_half = distances[: (len(others) + 1) // 2]
        return min(older_half, key=lambda each: each[0])[1]


def _num_shared(left: Int32Array, right: Int32Array) -> int:
    length = min(len(left), len(right))
    if length == 0 or left[0] != right[0]:
        return 0
    differs = left[:length] != right[:length]
    first = int(differs.argmax())
    return first if differs[first] else length
