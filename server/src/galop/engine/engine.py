"""The engine: takes requests, computes them step by step, emits events. Token ids only.

`run()` repeats `step()` on a thread; tests call `step()` themselves. Other threads call `submit` and
`cancel`. Their commands are applied at the beginning of the next step, so a cancelled sequence is not in
its batch.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from itertools import groupby, zip_longest

import numpy as np

from galop.engine.constraint import ConstraintFactory, TokenConstraint
from galop.engine.drafts import Drafter
from galop.engine.runner import Float32Array, ModelRunner
from galop.engine.sampler import adjust, choose, log_probabilities, masked, uniform
from galop.engine.scheduler import Plan, Scheduler
from galop.engine.sequence import Sequence
from galop.protocol.errors import BudgetTooSmallError, ConstraintFailedError, NoDocumentError
from galop.protocol.events import (
    EngineEvent,
    Failed,
    Finished,
    Prefilled,
    TokenLogprob,
    Tokens,
)
from galop.protocol.literals import FinishReason
from galop.protocol.requests import GenerationRequest

logger = logging.getLogger("galop.engine")

DEFAULT_PREFILL_CHUNK = 128
"""Prompt tokens per step while a sequence decodes: about 0.1 s with a 135M model on 2 cores."""

MAX_REFUSALS = 16
"""Tokens that a constraint may refuse at one place before the request fails."""


@dataclass(frozen=True, slots=True)
class _Cancel:
    request_id: str
    choice_index: int | None


@dataclass(slots=True)
class _Group:
    """The choices of one request that have not ended yet."""

    sequences: list[Sequence]
    is_prefilled: bool = False


class Engine:
    """Continuous batching with one model, whose slots must be empty.

    `emit` is called on the engine's thread after every step, except steps without commands and rows. It
    gets the events of the step, which may be none. It must not block. `clock`: seconds, never decreasing.
    """

    def __init__(
        self,
        runner: ModelRunner,
        emit: Callable[[SequenceOf[EngineEvent]], None],
        *,
        constraint_factory: ConstraintFactory | None = None,
        prefill_chunk: int = DEFAULT_PREFILL_CHUNK,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._runner = runner
        self._emit = emit
        self._constraint_factory = constraint_factory
        self._clock = clock
        self.scheduler = Scheduler(
            num_slots=runner.num_slots,
            max_batch_rows=runner.max_batch_rows,
            prefill_chunk=prefill_chunk,
            is_batch_invariant=runner.is_batch_invariant,
            batch_costs=runner.batch_costs,
        )
        self.num_draft_tokens = 0
        """Draft tokens that were verified so far."""
        self.num_accepted_tokens = 0
        """Those of them that were accepted."""
        self._groups: dict[str, _Group] = {}
        self._inbox: list[tuple[GenerationRequest, float] | _Cancel] = []
        self._inbox_changed = threading.Condition()
        self._is_stopping = False

    # Called from any thread.

    def submit(self, request: GenerationRequest) -> None:
        """Queue a request. A request that cannot run ends with a `Failed` event."""
        self._post((request, self._clock()))

    def cancel(self, request_id: str, choice_index: int | None = None) -> None:
        """End one choice, or all for None, without further events. Unknown ids are ignored."""
        self._post(_Cancel(request_id, choice_index))

    def stop(self) -> None:
        """Make `run` return after the current step."""
        with self._inbox_changed:
            self._is_stopping = True
            self._inbox_changed.notify()

    def _post(self, item: tuple[GenerationRequest, float] | _Cancel) -> None:
        with self._inbox_changed:
            self._inbox.append(item)
            self._inbox_changed.notify()

    # Called from the engine's thread.

    def run(self) -> None:
        """Repeat `step` until `stop`; sleep while there is nothing to do."""
        while True:
            with self._inbox_changed:
                while not self._inbox and self.scheduler.is_idle and not self._is_stopping:
                    self._inbox_changed.wait()
                if self._is_stopping:
                    return
            self.step()

    def step(self) -> None:
        """Apply the commands, compute one batch, choose tokens, emit the events."""
        has_commands, events = self._apply_inbox()
        plan = self.scheduler.schedule()
        if not plan.is_empty:
            try:
                logits = self._compute(plan)
            except Exception:
                logger.exception("the forward pass failed for %r", plan.rows)
                events += self._fail_all(plan)
            else:
                events += self._advance(plan, logits)
        if has_commands or not plan.is_empty:
            self._emit(events)

    def _compute(self, plan: Plan) -> Float32Array:
        now = self._clock()
        for sequence in plan.admitted:
            sequence.admitted_s = now
        # One call for all copies of a prefix: the runner reads the source once.
        for (source, num_tokens), copies in groupby(
            plan.copies, key=lambda copy: (copy.source, copy.num_tokens)
        ):
            self._runner.copy_prefix(source, [copy.target for copy in copies], num_tokens)
        for truncation in plan.truncations:
            self._runner.truncate(truncation.slot, truncation.num_tokens)
        start = self._clock()
        logits = self._runner.forward(plan.batch())
        if len(plan.rows) == 1 and not plan.rows[0][0].is_prefilling:
            sequence, count = plan.rows[0]
            if count == 1:
                num_rows = 1 + len(sequence.draft)
                self.scheduler.draft_row_cost.record(num_rows, self._clock() - start)
        return logits

    def _advance(self, plan: Plan, logits: Float32Array) -> list[EngineEvent]:
        events: list[EngineEvent] = []
        next_row = 0
        for sequence, count in plan.rows:
            sequence.num_computed_tokens += count
            if sequence.num_pending_tokens:
                continue
            rows = logits[next_row : next_row + 1 + len(sequence.draft)]
            next_row += len(rows)
            if sequence.slot is None:
                continue  # another choice failed in this step, and with it the request
            try:
                events += (
                    self._verify(sequence, rows)
                    if sequence.draft
                    else self._extend(sequence, rows[0])
                )
            except Exception as error:
                self._drop(sequence.request_id, None)
                events.append(_failed(sequence.request_id, error))
        return events

    def _verify(self, sequence: Sequence, rows: Float32Array) -> list[EngineEvent]:
        """Choose a token for each row of a draft, until one differs from the draft or ends the sequence."""
        draft, slot = sequence.draft, sequence.slot
        assert slot is not None
        assert sequence.drafter is not None
        events: list[EngineEvent] = []
        num_accepted = 0
        for logits, guess in zip_longest(rows, draft):
            events += self._extend(sequence, logits)
            if sequence.slot is None or sequence.completion[-1] != guess:
                break
            num_accepted += 1
            sequence.num_computed_tokens += 1
        self.num_draft_tokens += len(draft)
        self.num_accepted_tokens += num_accepted
        sequence.drafter.learn(len(draft), num_accepted)
        if num_accepted < len(draft):
            self._runner.truncate(slot, sequence.num_computed_tokens)
        return _joined(events)

    def _extend(self, sequence: Sequence, logits: Float32Array) -> list[EngineEvent]:
        """Choose the next token of a sequence, and append it with the tokens that are forced after it."""
        events: list[EngineEvent] = []
        if not sequence.completion:
            sequence.first_token_s = self._clock()
            group = self._groups[sequence.request_id]
            if not group.is_prefilled:
                group.is_prefilled = True
                events.append(_prefilled(sequence))
        token_id, logprob = self._choose(sequence, logits)
        constraint = sequence.constraint
        closed_by_budget = constraint is not None and constraint.closed_by_budget
        if token_id in self._runner.end_token_ids:
            sequence.append([token_id])
            events.append(self._finish(sequence, "length" if closed_by_budget else "stop"))
            return events
        token_ids = [token_id]
        # A token needs a step of its own for its log probability, forced tokens too.
        if constraint is not None and not constraint.is_complete and logprob is None:
            token_ids += constraint.forced_tokens()
        room = self._room(sequence)
        is_cut = len(token_ids) > room
        token_ids = token_ids[:room]
        sequence.append(token_ids)
        events.append(
            Tokens(
                request_id=sequence.request_id,
                choice_index=sequence.choice_index,
                token_ids=token_ids,
                logprobs=None if logprob is None else [logprob],
            )
        )
        if constraint is not None and constraint.is_complete and not is_cut:
            events.append(
                self._finish(sequence, "length" if constraint.closed_by_budget else "stop")
            )
        elif len(token_ids) == room:
            is_whole = constraint is None or (constraint.can_end and not is_cut)
            events.append(self._finish(sequence, "length", is_whole=is_whole))
        return events

    def _room(self, sequence: Sequence) -> int:
        """How many more tokens this sequence may get."""
        return sequence.max_tokens - sequence.num_completion_tokens

    def _choose(self, sequence: Sequence, logits: Float32Array) -> tuple[int, TokenLogprob | None]:
        """Draw a token, and compute the constraint's mask for a second draw only if it is refused.

        The result has the masked distribution: p(x) + (1 - Z) p(x)/Z = p(x)/Z, where Z is the allowed
        mass. With top_p below 1 the nucleus of the second draw is that of the masked distribution. A
        constraint may refuse a token that its mask allows; then the next mask excludes it.
        """
        params = sequence.request.sampling
        constraint = sequence.constraint
        adjusted = adjust(logits, params, sequence.completion_counts)
        mask = None
        if constraint is not None and params.num_logprobs is not None:
            mask = self._mask(constraint)
        token_id = choose(adjusted, params, self._draw(sequence, 0))
        num_refused = 0
        while constraint is not None and not self._accept(constraint, token_id):
            num_refused += 1
            mask = self._mask(constraint)
            if not mask.any() or num_refused > MAX_REFUSALS:
                raise ConstraintFailedError("no token is allowed here")
            token_id = choose(masked(adjusted, mask), params, self._draw(sequence, num_refused))
        if params.num_logprobs is None:
            return token_id, None
        logprob, top = log_probabilities(logits, token_id, params.num_logprobs)
        constrained = None
        if mask is not None:
            constrained = log_probabilities(masked(logits, mask), token_id, 0)[0]
        return token_id, TokenLogprob(token_id, logprob, top, constrained)

    def _mask(self, constraint: TokenConstraint) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        mask = constraint.allowed_mask().copy()
        if constraint.can_end:
            mask[list(self._runner.end_token_ids)] = True
        return mask

    def _accept(self, constraint: TokenConstraint, token_id: int) -> bool:
        if token_id in self._runner.end_token_ids:
            return constraint.can_end
        return constraint.try_accept(token_id)

    def _draw(self, sequence: Sequence, draw: int) -> float:
        seed = sequence.request.sampling.seed
        return uniform(seed, sequence.choice_index, sequence.num_completion_tokens, draw)

    def _finish(
        self, sequence: Sequence, reason: FinishReason, *, is_whole: bool = True
    ) -> Finished:
        self._remove(sequence)
        return Finished(
            request_id=sequence.request_id,
            choice_index=sequence.choice_index,
            finish_reason=reason,
            num_completion_tokens=sequence.num_completion_tokens,
            completion_time_s=self._clock() - sequence.first_token_s,
            is_constraint_satisfied=is_whole,
        )

    def _apply_inbox(self) -> tuple[bool, list[EngineEvent]]:
        with self._inbox_changed:
            inbox, self._inbox = self._inbox, []
        events: list[EngineEvent] = []
        for item in inbox:
            if isinstance(item, _Cancel):
                self._drop(item.request_id, item.choice_index)
            else:
                events += self._enqueue(*item)
        return bool(inbox), events

    def _enqueue(self, request: GenerationRequest, arrival_s: float) -> list[EngineEvent]:
        prompt = np.asarray(request.prompt_token_ids, dtype=np.int32)
        try:
            constraints = [self._constraint(request) for _ in range(request.num_choices)]
        except Exception as error:
            return [_failed(request.request_id, error)]
        max_tokens = min(request.max_tokens, self._runner.context_window - len(prompt))
        if max_tokens <= 0:
            detail = f"{len(prompt)} prompt tokens leave no room in the context window"
            return [Failed(request_id=request.request_id, kind="internal", detail=detail)]
        sequences = [
            Sequence(request, index, prompt, constraint, arrival_s, max_tokens)
            for index, constraint in enumerate(constraints)
        ]
        if self._runner.is_batch_invariant and request.constraint is None:
            for sequence in sequences:
                sequence.drafter = Drafter(prompt, max_tokens)
        self._groups[request.request_id] = _Group(sequences)
        for sequence in sequences:
            self.scheduler.add(sequence)
        return []

    def _constraint(self, request: GenerationRequest) -> TokenConstraint | None:
        if request.constraint is None:
            return None
        if self._constraint_factory is None:
            raise ConstraintFailedError("this engine was built without constraints")
        return self._constraint_factory(request.constraint, max_tokens=request.max_tokens)

    def _drop(self, request_id: str, choice_index: int | None) -> None:
        group = self._groups.get(request_id)
        for sequence in list(group.sequences) if group else ():
            if choice_index is None or sequence.choice_index == choice_index:
                self._remove(sequence)

    def _remove(self, sequence: Sequence) -> None:
        self.scheduler.remove(sequence)
        group = self._groups[sequence.request_id]
        group.sequences.remove(sequence)
        if not group.sequences:
            del self._groups[sequence.request_id]

    def _fail_all(self, plan: Plan) -> list[EngineEvent]:
        """Fail the requests of this plan and clear their slots, whose contents are unknown."""
        slots = [sequence.slot for sequence, _ in plan.rows]
        events: list[EngineEvent] = []
        for request_id in {sequence.request_id for sequence, _ in plan.rows}:
            self._drop(request_id, None)
            detail = "the forward pass failed"
            events.append(Failed(request_id=request_id, kind="internal", detail=detail))
        for slot in slots:
            if slot is not None:
                self.scheduler.forget(slot)
                self._runner.truncate(slot, 0)
        return events


def _prefilled(sequence: Sequence) -> Prefilled:
    return Prefilled(
        request_id=sequence.request_id,
        queue_time_s=sequence.admitted_s - sequence.arrival_s,
        prompt_time_s=sequence.first_token_s - sequence.admitted_s,
        num_cached_tokens=sequence.num_cached_tokens,
    )


def _failed(request_id: str, error: Exception) -> Failed:
    """The event for an error that ended the request. Call where the error is caught: a bug is logged."""
    if isinstance(error, BudgetTooSmallError):
        return Failed(
            request_id=request_id,
            kind="budget",
            detail=error.reason,
            num_tokens_needed=error.num_tokens_needed,
            num_tokens=error.num_tokens,
        )
    if isinstance(error, NoDocumentError):
        return Failed(request_id=request_id, kind="no_document", detail=error.reason)
    if isinstance(error, ConstraintFailedError):
        return Failed(request_id=request_id, kind="constraint", detail=error.reason)
    logger.exception("request %s failed", request_id)
    return Failed(request_id=request_id, kind="internal", detail=repr(error))


def _joined(events: list[EngineEvent]) -> list[EngineEvent]:
    """The events of one choice, with all tokens in one event."""
    parts = [event for event in events if isinstance(event, Tokens)]
    if len(parts) < 2:
        return events
    logprobs = [part.logprobs for part in parts if part.logprobs is not None]
    whole = Tokens(
        request_id=parts[0].request_id,
        choice_index=parts[0].choice_index,
        token_ids=[token_id for part in parts for token_id in part.token_ids],
        logprobs=[each for some in logprobs for each in some] if logprobs else None,
    )
    first = events.index(parts[0])
    rest = [event for event in events[first:] if not isinstance(event, Tokens)]
    return [*events[:first], whole, *rest]
