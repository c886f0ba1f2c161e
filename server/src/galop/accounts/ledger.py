"""The ledger of a running server: checks keys, enforces rate limits, records usage.

Everything that a request needs is in memory. Every 0.5 s, one background task writes usage and limits
in a batch and reads the keys again if they have changed. A change of keys takes effect within a second,
and a crash loses at most the last second of usage. A request waits for the database only if it is
PostgreSQL, which several servers share, and the caller has limits.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import ParamSpec, TypeVar

from galop.accounts.errors import (
    InvalidApiKeyError,
    LedgerUnavailableError,
    RateLimitExceededError,
    RequestTooLargeError,
)
from galop.accounts.keys import ANONYMOUS, Caller, KeyRing
from galop.accounts.limits import (
    Bucket,
    BucketId,
    ExceededLimit,
    LimitScope,
    RemainingLimits,
    consume,
    find_exceeded_limit,
    remaining_limits,
)
from galop.accounts.store import Consumption, Store
from galop.accounts.usage import UsageCounts, UsageKey

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger("galop.accounts")

_SharedReservation = tuple[ExceededLimit | None, RemainingLimits, dict[BucketId, Bucket]]

INTERVAL_S = 0.5
"""Between two writes, and between two checks for changed keys."""
_WARNING_INTERVAL_S = 60.0
_RETRY_SHARED_S = 2.0
"""After a failure of the shared database, requests use local limits for this long."""
_NUM_THREADS = 4
"""For reservations in a shared database; each takes 1 or 2 ms."""


class Reservation:
    """Tokens that are reserved for a running request. Must be settled exactly once."""

    def __init__(
        self,
        ledger: Ledger,
        caller: Caller,
        model: str,
        num_tokens: int,
        remaining_limits: RemainingLimits,
    ) -> None:
        self.remaining_limits = remaining_limits
        """For the headers of the response."""
        self._ledger = ledger
        self._caller = caller
        self._model = model
        self._num_tokens = num_tokens
        self._is_open = True

    def settle(self, counts: UsageCounts) -> None:
        """Replace the reservation by what the request used.

        Unused tokens are given back, and the request as well if `num_requests` is 0. Cached prompt
        tokens do not count against limits.
        """
        assert self._is_open, "a reservation is settled once"
        self._is_open = False
        num_tokens = (
            counts.num_prompt_tokens - counts.num_cached_tokens + counts.num_completion_tokens
        )
        self._ledger.consume(
            self._caller.scopes, counts.num_requests - 1, num_tokens - self._num_tokens
        )
        if counts != UsageCounts():
            self._ledger.record_usage(self._caller.key_id, self._model, counts)


class Ledger:
    """Checks keys, enforces rate limits, records usage. Runs on one event loop.

    An async context manager that must enclose all requests.
    """

    def __init__(
        self,
        store: Store,
        *,
        allow_anonymous: bool = False,
        interval_s: float = INTERVAL_S,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._allow_anonymous = allow_anonymous
        self._interval_s = interval_s
        self._wall_clock = wall_clock
        self._clock = clock
        # The database stores buckets with the time of day. Here a monotonic clock measures the refill.
        self._clock_offset_s = wall_clock() - clock()
        self._revision = -1
        self._ring = KeyRing((), {}, b"")
        self._has_had_keys = False
        self._buckets: dict[BucketId, Bucket] = {}
        self._changed_buckets: dict[BucketId, Bucket] = {}
        self._unwritten_consumption: dict[str, Consumption] = {}
        self._usage: dict[UsageKey, UsageCounts] = {}
        self._task: asyncio.Task[None] | None = None
        self._threads = ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix="galop-ledger")
        self._stopping = asyncio.Event()
        self._shared_again_s = 0.0
        self._warned_s: float | None = None

    @property
    def requires_key(self) -> bool:
        """True if requests need a key. Stays true once a key has existed."""
        return self._has_had_keys and not self._allow_anonymous

    @property
    def has_keys(self) -> bool:
        """True if any key exists or has existed."""
        return self._has_had_keys

    async def __aenter__(self) -> Ledger:
        """Read keys and buckets; start the background task. Raises `LedgerUnavailableError`."""
        await self._refresh()
        self._buckets = await self._in_thread(self._store.read_buckets)
        self._task = asyncio.create_task(self._run(), name="galop-ledger")
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop the background task after a last write."""
        if self._task is not None:
            self._stopping.set()
            await self._task
        self._threads.shutdown(wait=True)

    def authenticate(self, authorization: str | None) -> Caller:
        """See `AdmissionPolicy.authenticate`. Raises `InvalidApiKeyError`. Takes microseconds."""
        scheme, _, key = (authorization or "").partition(" ")
        key = key.strip()
        if not self.requires_key and (not self._has_had_keys or not key):
            return ANONYMOUS
        if scheme.lower() != "bearer" or not key:
            raise InvalidApiKeyError("no bearer token")
        return self._ring.check(key, self._wall_clock())

    async def reserve(self, caller: Caller, model: str, num_tokens: int) -> Reservation:
        """Reserve one request of at most `num_tokens`, prompt and completion together.

        Raises `RateLimitExceededError` or `RequestTooLargeError`; nothing is reserved then.
        """
        scopes = caller.scopes
        if not scopes:
            return Reservation(self, caller, model, num_tokens, RemainingLimits())
        exceeded, remaining = await self._try_reserve(scopes, num_tokens)
        if exceeded is None:
            return Reservation(self, caller, model, num_tokens, remaining)
        is_too_large = math.isinf(exceeded.wait_s)
        error = RequestTooLargeError if is_too_large else RateLimitExceededError
        raise error(exceeded, model=model, remaining_limits=remaining)

    # Called by reservations.

    def consume(
        self, scopes: tuple[LimitScope, ...], num_requests: float, num_tokens: float
    ) -> None:
        """Consume from the buckets of these scopes, or give back if negative."""
        now_s = self._now_s()
        changed = consume(
            scopes, self._buckets, num_requests=num_requests, num_tokens=num_tokens, now_s=now_s
        )
        self._update_buckets(changed)
        if self._store.is_shared:
            self._queue_consumption(
                Consumption(scope, num_requests, num_tokens) for scope in scopes
            )

    def record_usage(self, key_id: str, model: str, counts: UsageCounts) -> None:
        """Add to the usage of today, UTC."""
        day = datetime.fromtimestamp(self._wall_clock(), UTC).date().isoformat()
        key = UsageKey(key_id, model, day)
        self._usage[key] = self._usage.get(key, UsageCounts()) + counts

    # Implementation

    async def _try_reserve(
        self, scopes: tuple[LimitScope, ...], num_tokens: int
    ) -> tuple[ExceededLimit | None, RemainingLimits]:
        if self._store.is_shared and self._clock() >= self._shared_again_s:
            try:
                exceeded, remaining, buckets = await self._reserve_shared(scopes, num_tokens)
            except LedgerUnavailableError as error:
                self._shared_again_s = self._clock() + _RETRY_SHARED_S
                self._warn("%s; until it is back, this server keeps limits on its own", error)
            else:
                self._buckets.update(buckets)
                return exceeded, remaining
        now_s = self._now_s()
        exceeded = find_exceeded_limit(scopes, self._buckets, num_tokens=num_tokens, now_s=now_s)
        if exceeded is None:
            changed = consume(
                scopes, self._buckets, num_requests=1, num_tokens=num_tokens, now_s=now_s
            )
            self._update_buckets(changed)
            if self._store.is_shared:
                self._queue_consumption(Consumption(scope, 1, num_tokens) for scope in scopes)
        return exceeded, remaining_limits(scopes, self._buckets, now_s=now_s)

    async def _reserve_shared(
        self, scopes: tuple[LimitScope, ...], num_tokens: int
    ) -> _SharedReservation:
        reserving = asyncio.ensure_future(self._in_thread(self._store.reserve, scopes, num_tokens))
        try:
            return await asyncio.shield(reserving)
        except asyncio.CancelledError:
            # The transaction continues: what it consumes for the cancelled request is given back.
            def give_back(done: asyncio.Future[_SharedReservation]) -> None:
                if not done.cancelled() and done.exception() is None and not done.result()[0]:
                    self._queue_consumption(Consumption(scope, -1, -num_tokens) for scope in scopes)

            reserving.add_done_callback(give_back)
            raise

    def _now_s(self) -> float:
        return self._clock() + self._clock_offset_s

    def _update_buckets(self, changed: dict[BucketId, Bucket]) -> None:
        self._buckets.update(changed)
        if not self._store.is_shared:
            self._changed_buckets.update(changed)

    def _queue_consumption(self, consumptions: Iterable[Consumption]) -> None:
        for each in consumptions:
            known = self._unwritten_consumption.get(each.scope.id, Consumption(each.scope, 0, 0))
            self._unwritten_consumption[each.scope.id] = Consumption(
                each.scope,
                known.num_requests + each.num_requests,
                known.num_tokens + each.num_tokens,
            )

    async def _run(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._interval_s)
            await self._attempt(self._write)
            await self._attempt(self._refresh)
        await self._attempt(self._write)

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except LedgerUnavailableError as error:
            self._warn("%s; usage and keys wait until it is back", error)
        except Exception:
            logger.exception("the ledger could not be written or read")

    async def _refresh(self) -> None:
        revision = await self._in_thread(self._store.revision)
        if revision == self._revision:
            return
        # Read after the revision: a change between the two reads is read again the next time.
        self._ring = await self._in_thread(self._store.key_ring)
        self._has_had_keys = self._has_had_keys or len(self._ring) > 0
        self._revision = revision

    async def _write(self) -> None:
        usage, self._usage = self._usage, {}
        buckets, self._changed_buckets = self._changed_buckets, {}
        consumption, self._unwritten_consumption = self._unwritten_consumption, {}
        if not usage and not buckets and not consumption:
            return
        try:
            await self._in_thread(self._store.write, usage, buckets, list(consumption.values()))
        except Exception:
            # Merged with what has accumulated meanwhile, for the next write.
            for key, counts in usage.items():
                self._usage[key] = self._usage.get(key, UsageCounts()) + counts
            self._changed_buckets = buckets | self._changed_buckets
            self._queue_consumption(consumption.values())
            raise

    async def _in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(function, *args, **kwargs))

    def _warn(self, text: str, error: LedgerUnavailableError) -> None:
        now_s = self._clock()
        if self._warned_s is None or now_s - self._warned_s >= _WARNING_INTERVAL_S:
            self._warned_s = now_s
            logger.warning(text, error.reason)
