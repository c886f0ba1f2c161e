"""How much work one model's engines may have in hand: choices, and prompt tokens that wait.

A request takes its place before any work is done for it (`AdmissionControl.enter`), and tells how many
prompt tokens it brings once they are counted (`Place.add_prompt`). Its choices give their part of the
place back as they end. Pure: runs on the event loop's thread, waits for nothing.
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
"""Choices that may wait for a slot. More would wait for minutes; better to say so at once."""
DEFAULT_MAX_WAITING_TOKENS = 131_072
"""Prompt tokens that may wait to be computed."""
_LONGEST_RETRY_AFTER_S = 30
_DURATION_WEIGHT = 0.1
"""Of the newest request, in the moving average of how long requests take."""


class AdmissionControl:
    """Bounds the requests of one model.

    `num_slots` choices run at once and `max_waiting` more may wait, with no more than
    `max_waiting_tokens` prompt tokens still to be computed. Where there are several keys, none gets
    all of it: see `QueueQuota`. `readiness` says why the engines take no requests, None if they do.
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
        self._places: set[Place] = set()
        self._typical_duration_s = 1.0
        """Moving average, from a request's place to its end."""

    def __repr__(self) -> str:
        return f"<AdmissionControl {self.num_running} running, {self.num_waiting} waiting>"

    @property
    def num_open_choices(self) -> int:
        """Choices that run or wait."""
        return self._quota.num_open

    @property
    def num_running(self) -> int:
        """Choices for which there is a slot."""
        return min(self._quota.num_open, self._num_slots)

    @property
    def num_waiting(self) -> int:
        """Choices beyond those that run."""
        return self._quota.num_waiting

    @property
    def is_crowded(self) -> bool:
        """True while most of what arrives is refused: there is no room for the largest key."""
        return self.readiness() is None and self._quota.is_crowded

    def readiness(self) -> str | None:
        """None when requests are taken, else the reason why not."""
        return self._draining_reason or self._engine_readiness()

    def drain(self, reason: str) -> None:
        """Take no new requests from now on; those in flight go on."""
        self._draining_reason = reason

    def check_capacity(self, key_id: str, num_choices: int = 1) -> None:
        """Raises `EngineUnavailableError` or `QueueFullError` where `enter` would, for this key."""
        if (reason := self.readiness()) is not None:
            raise EngineUnavailableError(reason)
        quota = self._quota
        if not quota.has_room(num_choices):
            raise self._full("sequences", quota.num_waiting, self._max_waiting, num_choices)
        if not quota.has_share(key_id, num_choices):
            num_own, share = quota.num_of(key_id), quota.share_of(key_id, num_choices) or 0
            raise self._full("sequences", num_own, share, num_choices, QueueShareFullError)

    def enter(self, key_id: str, num_choices: int) -> Place:
        """A place for a request. Raises `EngineUnavailableError` or `QueueFullError`."""
        self.check_capacity(key_id, num_choices)
        self._quota.enter(key_id, num_choices)
        place = Place(self, key_id, num_choices, self._clock())
        self._places.add(place)
        return place

    # Called by places.

    def check_prompt(self, place: Place, num_tokens: int) -> None:
        """Raises `QueueFullError` where so many more prompt tokens may not wait."""
        waiting = [each for each in self._places if each.num_waiting_tokens]
        num_waiting = sum(each.num_waiting_tokens for each in waiting)
        limit = self._max_waiting_tokens
        if num_waiting and num_waiting + num_tokens > limit:
            raise self._full("prompt tokens", num_waiting, limit, place.num_choices)
        num_own = sum(each.num_waiting_tokens for each in waiting if each.key_id == place.key_id)
        share = self._quota.share_of_tokens(limit - num_waiting - num_tokens)
        if num_own and share is not None and num_own + num_tokens > share:
            full = QueueShareFullError
            raise self._full("prompt tokens", num_own, share, place.num_choices, full)

    def leave(self, place: Place, num_choices: int) -> None:
        """So many choices of a place have ended."""
        self._quota.leave(place.key_id, num_choices)

    def closed(self, place: Place) -> None:
        """The last choice of a place has ended."""
        self._places.discard(place)
        if place.was_served:
            duration_s = self._clock() - place.entered_s
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


class Place:
    """What one request holds of the queue."""

    def __init__(
        self, control: AdmissionControl, key_id: str, num_choices: int, entered_s: float
    ) -> None:
        self.key_id = key_id
        self.num_choices = num_choices
        """Choices that have not ended."""
        self.num_waiting_tokens = 0
        """Prompt tokens that have not been computed."""
        self.entered_s = entered_s
        """On the control's clock."""
        self.was_served = False
        """True once the prompt has been computed."""
        self._control = control

    def __repr__(self) -> str:
        return f"<Place of {self.key_id!r}: {self.num_choices} choices, {self.num_waiting_tokens} tokens wait>"

    def add_prompt(self, num_tokens: int) -> None:
        """The request's prompt is counted. Raises `QueueFullError` if it may not wait."""
        self._control.check_prompt(self, num_tokens)
        self.num_waiting_tokens = num_tokens

    def prefilled(self) -> None:
        """The prompt has been computed."""
        self.num_waiting_tokens = 0
        self.was_served = True

    def leave(self, num_choices: int = 1) -> None:
        """So many choices have ended."""
        self.num_choices -= num_choices
        self._control.leave(self, num_choices)
        if not self.num_choices:
            self.num_waiting_tokens = 0
            self._control.closed(self)

    def close(self) -> None:
        """The request has ended with all its choices; idempotent."""
        if self.num_choices:
            self.leave(self.num_choices)
