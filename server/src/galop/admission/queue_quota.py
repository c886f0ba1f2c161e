"""How many choices may run and wait at once, and how many of them may be one key's.

Theory of operation. The queue is fair in whom it serves next (`engine.queue`), but a queue that one key has
filled is closed to all others. So a key may hold no more than its part of the places in the batch and
`SHARE` times the room that is left: whoever holds much meets that bound before the queue is full,
and there is always some room for who holds little. The bound moves with the load and needs no list of
keys: Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet switches" (IEEE/ACM
Transactions on Networking 6(2), 1998). One key alone gets four fifths of the queue. Where nobody has
a key there is nobody to keep room for, and all of it is for everybody.
"""

from __future__ import annotations

from collections import Counter

SHARE = 4
"""A key may hold so many times what is free beside it."""


class QueueQuota:
    """Counts choices from `enter` to `leave`. The empty key is that of callers without one."""

    def __init__(self, *, num_slots: int, max_waiting: int) -> None:
        self.num_open = 0
        self._num_slots = num_slots
        self._capacity = num_slots + max_waiting
        self._open: Counter[str] = Counter()
        self._has_seen_keys = False

    def enter(self, key_id: str, num_choices: int) -> None:
        """Choices have come."""
        self._has_seen_keys = self._has_seen_keys or bool(key_id)
        self._open[key_id] += num_choices
        self.num_open += num_choices

    def leave(self, key_id: str, num_choices: int) -> None:
        """Choices have ended."""
        self.num_open -= num_choices
        self._open[key_id] -= num_choices
        if not self._open[key_id]:
            del self._open[key_id]

    @property
    def num_waiting(self) -> int:
        """Choices beyond those that run."""
        return max(0, self.num_open - self._num_slots)

    @property
    def is_crowded(self) -> bool:
        """There is no room for one more choice of whoever holds most."""
        largest = max(self._open, key=self._open.__getitem__, default="")
        return not (self.has_room(1) and self.has_share(largest, 1))

    def has_room(self, num_choices: int) -> bool:
        """For so many choices of anybody. Alone, any number may come."""
        return not self.num_open or self.num_open + num_choices <= self._capacity

    def has_share(self, key_id: str, num_choices: int) -> bool:
        """For so many choices of this key, beside those it has; one request it may always have."""
        num_own = self.num_of(key_id)
        share = self.share_of(key_id, num_choices)
        return not num_own or share is None or num_own + num_choices <= share

    def num_of(self, key_id: str) -> int:
        """Choices of this key."""
        return self._open.get(key_id, 0)

    def share_of(self, key_id: str, num_choices: int) -> int | None:
        """How many choices this key may have, so many new ones included. None: as many as anybody."""
        self._has_seen_keys = self._has_seen_keys or bool(key_id)
        num_slots = self._num_slots // max(1, len(self._open))
        return self._share(self._capacity - self.num_open - num_choices, num_slots)

    def share_of_tokens(self, num_free: int) -> int | None:
        """How many prompt tokens one key may have waiting, where so many more might. None: any number."""
        return self._share(num_free)

    def _share(self, num_free: int, num_more: int = 0) -> int | None:
        return num_more + SHARE * max(0, num_free) if self._has_seen_keys else None
