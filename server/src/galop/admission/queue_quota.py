"""Bounds the choices that run and wait at once, in total and per key.

Theory of operation. `engine.queue` serves keys fairly, but a queue that one key has filled refuses all
others. So a key may hold at most its equal part of the slots plus `SHARE` times the free capacity. A
key with many choices reaches that bound before the queue is full, which leaves capacity for keys with
few. The bound follows the load and needs no list of keys: Choudhury and Hahne, "Dynamic queue length
thresholds for shared-memory packet switches" (IEEE/ACM Transactions on Networking 6(2), 1998). A single
key gets four fifths of the queue. Without any keys the total is the only bound.
"""

from __future__ import annotations

from collections import Counter

SHARE = 4
"""A key may hold this many times the capacity that stays free."""


class QueueQuota:
    """Counts open choices by key id. The empty id stands for callers without a key."""

    def __init__(self, *, num_slots: int, max_waiting: int) -> None:
        self.num_open = 0
        """Running and waiting choices."""
        self._num_slots = num_slots
        self._capacity = num_slots + max_waiting
        self._open: Counter[str] = Counter()
        self._has_seen_keys = False

    def add(self, key_id: str, num_choices: int) -> None:
        """Choices were admitted."""
        self._has_seen_keys = self._has_seen_keys or bool(key_id)
        self._open[key_id] += num_choices
        self.num_open += num_choices

    def remove(self, key_id: str, num_choices: int) -> None:
        """Choices have ended."""
        self.num_open -= num_choices
        self._open[key_id] -= num_choices
        if not self._open[key_id]:
            del self._open[key_id]

    @property
    def num_waiting(self) -> int:
        """Choices that wait for a slot."""
        return max(0, self.num_open - self._num_slots)

    @property
    def is_crowded(self) -> bool:
        """True if one more choice of the key with the most choices would be refused."""
        largest = max(self._open, key=self._open.__getitem__, default="")
        return not (self.has_room(1) and self.has_share(largest, 1))

    def has_room(self, num_choices: int) -> bool:
        """True if the total allows `num_choices` more. A single request may have any number."""
        return not self.num_open or self.num_open + num_choices <= self._capacity

    def has_share(self, key_id: str, num_choices: int) -> bool:
        """True if the key's share allows `num_choices` more. Its first request is always allowed."""
        num_own = self.num_of(key_id)
        share = self.share_of(key_id, num_choices)
        return not num_own or share is None or num_own + num_choices <= share

    def num_of(self, key_id: str) -> int:
        """Open choices of this key."""
        return self._open.get(key_id, 0)

    def share_of(self, key_id: str, num_choices: int) -> int | None:
        """Most choices that this key may have, if `num_choices` of them are new. None: no bound per key."""
        self._has_seen_keys = self._has_seen_keys or bool(key_id)
        num_slots = self._num_slots // max(1, len(self._open))
        return self._share(self._capacity - self.num_open - num_choices, num_slots)

    def share_of_tokens(self, num_free: int) -> int | None:
        """Most prompt tokens of one key that may wait, if `num_free` more fit. None: no bound per key."""
        return self._share(num_free)

    def _share(self, num_free: int, num_more: int = 0) -> int | None:
        return num_more + SHARE * max(0, num_free) if self._has_seen_keys else None
