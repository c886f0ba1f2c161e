"""Bounds the choices and the waiting prompt tokens of one model's engines.

A request gets a permit before any work is done for it (`AdmissionControl.admit`), and adds its prompt
tokens once they are counted (`Permit.add_prompt`). Every choice that ends releases its part of the
permit. Synchronous; runs on the event loop's thread.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from galop.admission.queue_quota import QueueQuota
from galop.protocol.errors import (
    EngineUnavailableError,
    QueueFullError,
    QueueShareFullError,
    QueueUnit,
)

DEFAULT_MAX_WAITING = 128
"""Choices that may wait for a slot. More would wait for minutes, so they are refused."""
DEFAULT_MAX_WAITING_TOKENS = 131_072
"""Prompt tokens that may wait for their prefill."""
_LONGEST_RETRY_AFTER_S = 30
_DURATION_WEIGHT = 0.1
"""Of the newest request, in the moving average of request durations."""


class AdmissionControl:
    """Bounds the requests of one model.

    `num_slots` choices run at once, `max_waiting` more may wait, with at most `max_waiting_tokens`
    prompt tokens before their prefill. `QueueQuota` limits each key's share. `readiness`: None if the
    engines accept requests, else the reason why not.
    """

    def __init__(
        self,
        *,
        num_slots: int,
        max_waiting: int = DEFAULT_MAX_WAITING,
        max_waiting_tokens: int = DEFAULT_MAX_WAITING_TOKENS,
        readiness: Callable[[], str | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._quota = QueueQuota(num_slots=num_slots, max_waiting=max_waiting)
        self._num_slots = num_slots
        self._max_waiting = max_waiting
        self._max_waiting_tokens = max_waiting_tokens
        self._engine_readiness = readiness
        self._clock = clock
        self._draining_reason: str | None = None
        self._permits: set[Permit] = set()
        self._typical_duration_s = 1.0
        """Moving average of the time from admission to the end of a request."""

    def __repr__(self) -> str:
        return f"<AdmissionControl {self.num_running} running, {self.num_waiting} waiting>"

    @property
    def num_open_choices(self) -> int:
        """Running and waiting choices."""
        return self._quota.num_open

    @property
    def num_running(self) -> int:
        """Choices that have a slot."""
        return min(self._quota.num_open, self._num_slots)

    @property
    def num_waiting(self) -> int:
        """Choices that wait for a slot."""
        return self._quota.num_waiting

    @property
    def is_crowded(self) -> bool:
        """True while a request of the key with the most choices would be refused for lack of capacity."""
        return self.readiness() is None and self._quota.is_crowded

    def readiness(self) -> str | None:
        """None if requests are accepted, else the reason why not."""
        return self._draining_reason or self._engine_readiness()

    def drain(self, reason: str) -> None:
        """Refuse new requests from now on, for `reason`. Admitted ones continue."""
        self._draining_reason = reason

    def check_capacity(self, key_id: str, num_choices: int = 1) -> None:
        """Raises `EngineUnavailableError` or `QueueFullError` if `admit` would, for this key."""
        if (reason := self.readiness()) is not None:
            raise EngineUnavailableError(reason)
        quota = self._quota
        if not quota.has_room(num_choices):
            raise self._full("sequences", quota.num_waiting, self._max_waiting, num_choices)
        if not quota.has_share(key_id, num_choices):
            num_own, share = quota.num_of(key_id), quota.share_of(key_id, num_choices) or 0
            raise self._full("sequences", num_own, share, num_choices, QueueShareFullError)

    def admit(self, key_id: str, num_choices: int) -> Permit:
        """Admit a request. Raises `EngineUnavailableError` or `QueueFullError`."""
        self.check_capacity(key_id, num_choices)
        self._quota.add(key_id, num_choices)
        permit = Permit(self, key_id, num_choices, self._clock())
        self._permits.add(permit)
        return permit

    # Called by `Permit`.

    def check_prompt(self, permit: Permit, num_tokens: int) -> None:
        """Raises `QueueFullError` if `num_tokens` more prompt tokens exceed a bound."""
        waiting = [each for each in self._permits if each.num_waiting_tokens]
        num_waiting = sum(each.num_waiting_tokens for each in waiting)
        limit = self._max_waiting_tokens
        if num_waiting and num_waiting + num_tokens > limit:
            raise self._full("prompt tokens", num_waiting, limit, permit.num_choices)
        num_own = sum(each.num_waiting_tokens for each in waiting if each.key_id == permit.key_id)
        share = self._quota.share_of_tokens(limit - num_waiting - num_tokens)
        if num_own and share is not None and num_own + num_tokens > share:
            full = QueueShareFullError
            raise self._full("prompt tokens", num_own, share, permit.num_choices, full)

    def release(self, permit: Permit, num_choices: int) -> None:
        """`num_choices` of a permit have ended."""
        self._quota.remove(permit.key_id, num_choices)

    def closed(self, permit: Permit) -> None:
        """The last choice of a permit has ended."""
        self._permits.discard(permit)
        if permit.is_prefilled:
            duration_s = self._clock() - permit.admitted_s
            self._typical_duration_s += _DURATION_WEIGHT * (duration_s - self._typical_duration_s)

    def _full(
        self,
        unit: QueueUnit,
        num_waiting: int,
        limit: int,
        num_choices: int,
        error: type[QueueFullError] = QueueFullError,
    ) -> QueueFullError:
        rounds = (self._quota.num_waiting + num_choices) / self._num_slots
        wait_s = math.ceil(rounds * self._typical_duration_s)
        return error(
            num_waiting=num_waiting,
            limit=limit,
            retry_after_s=min(max(wait_s, 1), _LONGEST_RETRY_AFTER_S),
            unit=unit,
        )


class Permit:
    """The share of the queue and the slots that one request holds."""

    def __init__(
        self, control: AdmissionControl, key_id: str, num_choices: int, admitted_s: float
    ) -> None:
        self.key_id = key_id
        self.num_choices = num_choices
        """Choices that have not ended; 0: the permit is closed."""
        self.num_waiting_tokens = 0
        """Prompt tokens whose prefill has not ended."""
        self.admitted_s = admitted_s
        """Seconds on the control's clock."""
        self.is_prefilled = False
        """True once the prefill has ended."""
        self._control = control

    def __repr__(self) -> str:
        return f"<Permit of {self.key_id!r}: {self.num_choices} choices, {self.num_waiting_tokens} tokens wait>"

    def add_prompt(self, num_tokens: int) -> None:
        """Add the counted prompt to the queue. Raises `QueueFullError`."""
        self._control.check_prompt(self, num_tokens)
        self.num_waiting_tokens = num_tokens

    def prefilled(self) -> None:
        """The prefill has ended."""
        self.num_waiting_tokens = 0
        self.is_prefilled = True

    def release(self, num_choices: int = 1) -> None:
        """`num_choices` have ended."""
        self.num_choices -= num_choices
        self._control.release(self, num_choices)
        if not self.num_choices:
            self.num_waiting_tokens = 0
            self._control.closed(self)

    def close(self) -> None:
        """Release what is left; idempotent."""
        if self.num_choices:
            self.release(self.num_choices)
