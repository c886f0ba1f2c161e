"""Decides which prompts get the rows of the next step. Pure: no model, no clock, no thread.

Theory of operation. All prompts that have a slot compete for the rows of a step that decoding leaves.

- A *short* prompt needs at most one chunk until its first token. Short prompts go before long ones.
- Among short prompts, and among long ones, the flow (API key and service tier) with the fewest tokens
  left goes first, divided by the weight of its tier; within a flow, the prompt with the fewest left. That
  is shortest remaining processing time, by flow: a key with few tokens does not wait for one with many, and
  a long prompt that has begun is finished before another of its length begins.
- A prompt whose prefix another sequence waits for has that sequence's place in the order, too.
- No prompt starves. A prompt is overtaken when a prompt that was admitted later gets rows. Once it was
  overtaken by `MAX_CHUNKS_AHEAD` chunks more than it got itself, it is *overdue*. A step begins with the
  overdue prompt that was admitted first; only every second step does while short prompts wait.

Bounds, for flows of one tier (server/tests/engine/test_prefill.py):

- The first token of a short prompt that no other short one precedes comes at most three steps after
  its arrival: the step that runs, one that belongs to an overdue prompt, its own.
- Between the admission of a prompt and its first token, prompts that were admitted later get at most
  `MAX_CHUNKS_AHEAD` + 2 chunks, as many rows as this prompt and the earlier ones need, and two chunks
  for each of these: steps are whole, and shared when a prompt ends.

How prompts are cut never changes a result (`ModelRunner`), only when it comes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from galop.engine.queue import FlowName, flow_name, flow_weight
from galop.engine.sequence import Sequence

MAX_CHUNKS_AHEAD = 8
"""Chunks by which later prompts may overtake one. The embedded model takes some 3 s for them on two cores;
most bursts of short prompts are over by then."""

CHUNKS_ALONE = 2
"""Chunks of long prompts in a step without decoding sequences and short prompts. A request that arrives
during the step waits for its end. Larger steps are no faster per token (bench/LOG.md)."""

Waiters = Mapping[Sequence, list[tuple[Sequence, int]]]
"""For a sequence that prefills: (sequence that waits for a prefix of its prompt, tokens of that prefix)."""


@dataclass(frozen=True, slots=True)
class _Demand:
    """The prompt tokens of a sequence to compute next."""

    sequence: Sequence
    num_tokens: int
    """Prompt tokens, at least 1: up to its first token, or to the end of a prefix that is waited for."""
    is_long: bool
    """More than one chunk."""

    @property
    def flow(self) -> tuple[bool, FlowName]:
        """Demands that are counted together."""
        return self.is_long, flow_name(self.sequence)


class PrefillTurns:
    """Orders the prompts of each step, and counts by how much each was overtaken."""

    def __init__(self, *, chunk: int, least_run: int) -> None:
        """`chunk`: prompt tokens of a step that other sequences wait for. `least_run`: the fewest rows of
        a prompt in a step, unless it has fewer in all."""
        self._chunk = max(chunk, 2 * least_run - 1)  # so that any prompt can go on
        self._least_run = least_run
        self._overtaken: dict[Sequence, float] = {}
        """Rows that later prompts got, less those it got itself, each divided by the weight of its tier;
        at least 0. Of all sequences that prefill."""
        self._was_overdue_turn = False
        """Whether the last step began with an overdue prompt."""

    def choose(
        self,
        prefilling: Collection[Sequence],
        waiters: Waiters,
        *,
        free_rows: int,
        is_decoding: bool,
    ) -> list[tuple[Sequence, int]]:
        """(sequence, how many of its pending tokens) of the next step, which is counted as computed.

        `free_rows`: what decoding leaves of the batch. `is_decoding`: whether some sequence decodes in this
        step.
        """
        if not prefilling:
            self._overtaken.clear()
            return []
        demands = self._in_turn(prefilling, waiters)
        budget = self._budget(demands, free_rows, is_decoding)
        counts: dict[Sequence, int] = {}
        wanted = [(each.sequence, max(each.num_tokens, self._least_run)) for each in demands]
        # What is left goes on with prompts that others wait for, beyond what these need.
        wanted += [(each.sequence, each.sequence.num_pending_tokens) for each in demands]
        for sequence, up_to in wanted:
            if budget <= 0:
                break
            taken = counts.get(sequence, 0)
            room = min(budget + taken, max(up_to, taken))
            count = run_length(sequence.num_pending_tokens, room, self._least_run)
            if count > taken:
                counts[sequence] = count
                budget -= count - taken
        self._record(prefilling, counts)
        return list(counts.items())

    def _budget(self, demands: Iterable[_Demand], free_rows: int, is_decoding: bool) -> int:
        """The most prompt tokens of this step. All running sequences wait until the whole step is computed."""
        has_short = not all(each.is_long for each in demands)
        has_long = any(each.sequence.num_pending_tokens > self._chunk for each in demands)
        if is_decoding or (has_short and has_long):
            return min(free_rows, self._chunk)
        return min(free_rows, CHUNKS_ALONE * self._chunk) if has_long else free_rows

    def _in_turn(self, prefilling: Iterable[Sequence], waiters: Waiters) -> list[_Demand]:
        """The demands of those that prefill, first the one that is computed first. A prefix has the place
        of the first sequence that waits for it."""
        wanted = {each: self._demands(each, waiters.get(each, ())) for each in prefilling}
        left: dict[tuple[bool, FlowName], float] = defaultdict(float)
        for demands in wanted.values():
            for each in demands:
                left[each.flow] += each.num_tokens / flow_weight(each.sequence)

        def rank(own: _Demand) -> tuple[bool, float, int, int]:
            tokens_left = min(left[each.flow] for each in wanted[own.sequence])
            return own.is_long, tokens_left, own.num_tokens, own.sequence.admission_index

        in_turn = sorted((demands[0] for demands in wanted.values()), key=rank)
        overdue = [each for each in in_turn if self._is_overdue(each.sequence)]
        has_short = not in_turn[0].is_long
        self._was_overdue_turn = bool(overdue) and not (has_short and self._was_overdue_turn)
        if self._was_overdue_turn:
            first = min(overdue, key=lambda each: each.sequence.admission_index)
            in_turn.remove(first)
            in_turn.insert(0, self._demand(first.sequence, first.sequence.num_pending_tokens))
        return in_turn

    def _demands(
        self, sequence: Sequence, waiters: Iterable[tuple[Sequence, int]]
    ) -> list[_Demand]:
        """The demand of the sequence, up to the end of the shortest prefix that is waited for; then those
        of its waiters."""
        needed = [num_shared - sequence.num_computed_tokens for _, num_shared in waiters]
        num_tokens = min([sequence.num_pending_tokens, *needed])
        return [
            self._demand(sequence, num_tokens),
            *(self._demand(waiter, waiter.num_pending_tokens) for waiter, _ in waiters),
        ]

    def _demand(self, sequence: Sequence, num_tokens: int) -> _Demand:
        return _Demand(sequence, num_tokens, num_tokens > self._chunk)

    def _is_overdue(self, sequence: Sequence) -> bool:
        return self._overtaken.get(sequence, 0.0) >= MAX_CHUNKS_AHEAD * self._chunk

    def _record(self, prefilling: Iterable[Sequence], counts: Mapping[Sequence, int]) -> None:
        work = {each: count / flow_weight(each) for each, count in counts.items()}
        self._overtaken = {
            sequence: max(
                0.0,
                self._overtaken.get(sequence, 0.0)
                - work.get(sequence, 0.0)
                + sum(
                    rows
                    for other, rows in work.items()
                    if other.admission_index > sequence.admission_index
                ),
            )
            for sequence in prefilling
        }


def run_length(num_pending: int, budget: int, least_run: int) -> int:
    """How many of `num_pending` tokens to take, at most `budget`, so that no run, this one or the last one,
    has fewer than `least_run` rows; 0 where that is impossible."""
    if num_pending <= budget:
        return num_pending
    if 0 < num_pending - budget < least_run:
        budget = num_pending - least_run
    return budget if budget >= least_run else 0
