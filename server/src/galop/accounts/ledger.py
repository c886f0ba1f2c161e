"""The ledger of a running server: who may, how much, and what was used.

Everything a request needs is in memory. One background task writes usage and limits in batches and
looks, twice a second, whether keys have changed: so a change takes effect within a second, and a
crash loses at most the last second of usage. Only limits that several servers share (PostgreSQL) are
asked for in the database, for requests of keys that have limits.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import ParamSpec, TypeVar

from galop.accounts.errors import (
    AdmissionError,
    InvalidApiKeyError,
    LedgerUnavailableError,
    RateLimitExceededError,
    RequestTooLargeError,
)
from galop.accounts.keys import ANONYMOUS, Caller, KeyRing
from galop.accounts.limits import (
    Bucket,
    BucketId,
    Refusal,
    Scope,
    Standing,
    find_refusal,
    standing,
    take,
)
from galop.accounts.store import Store, Taken
from galop.accounts.usage import Counts, UsageKey

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger("galop.accounts")

_SharedAnswer = tuple[Refusal | None, Standing, dict[BucketId, Bucket]]

INTERVAL_S = 0.5
"""Between two writes, and between two looks at the keys."""
_WARNING_INTERVAL_S = 60.0
_RETRY_SHARED_S = 2.0
"""How long requests do not ask a shared database that has just failed."""
_NUM_THREADS = 4
"""For reservations in a shared database; each takes a millisecond or two."""


class Reservation:
    """What a running request has been promised. To be settled exactly once."""

    def __init__(
        self, ledger: Ledger, caller: Caller, model: str, num_tokens: int, standing: Standing
    ) -> None:
        self.standing = standing
        """For the headers of the answer."""
        self._ledger = ledger
        self._caller = caller
        self._model = model
        self._num_tokens = num_tokens
        self._is_open = True

    def settle(self, counts: Counts) -> None:
        """The request has ended, in whatever way, and has used this.

        What was reserved beyond it is given back: tokens, and the request too if it was not served
        at all (`num_requests` is 0). Cached prompt tokens do not count against limits.
        """
        assert self._is_open, "a reservation is settled once"
        self._is_open = False
        num_tokens = (
            counts.num_prompt_tokens - counts.num_cached_tokens + counts.num_completion_tokens
        )
        self._ledger.change(
            self._caller.scopes, counts.num_requests - 1, num_tokens - self._num_tokens
        )
        if counts != Counts():
            self._ledger.count(self._caller.key_id, self._model, counts)


class Ledger:
    """Checks keys, keeps limits, counts usage. All of it on one event loop.

    Use as an async context manager, around the first and the last request.
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
        # Buckets are kept in the database with the time of day, but counted with a clock that
        # nobody sets.
        self._clock_offset_s = wall_clock() - clock()
        self._revision = -1
        self._ring = KeyRing((), {}, b"")
        self._has_had_keys = False
        self._buckets: dict[BucketId, Bucket] = {}
        self._changed_buckets: dict[BucketId, Bucket] = {}
        self._taken: dict[str, Taken] = {}
        self._usage: dict[UsageKey, Counts] = {}
        self._task: asyncio.Task[None] | None = None
        self._threads = ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix="galop-ledger")
        self._stopping = asyncio.Event()
        self._shared_again_s = 0.0
        self._warned_s: float | None = None

    @property
    def requires_key(self) -> bool:
        """Whether a request needs a key. Once there are keys this stays so."""
        return self._has_had_keys and not self._allow_anonymous

    @property
    def has_keys(self) -> bool:
        """Whether there is or has been any key."""
        return self._has_had_keys

    async def __aenter__(self) -> Ledger:
        """Read everything, then keep up with it. Raises `LedgerUnavailableError`."""
        await self._refresh()
        self._buckets = await self._in_thread(self._store.read_buckets)
        self._task = asyncio.create_task(self._repeat(), name="galop-ledger")
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Write what is left."""
        if self._task is not None:
            self._stopping.set()
            await self._task
        self._threads.shutdown(wait=True)

    def authenticate(self, authorization: str | None) -> Caller:
        """Who sends this header. Raises `InvalidApiKeyError`. Takes microseconds."""
        scheme, _, key = (authorization or "").partition(" ")
        key = key.strip()
        if not self.requires_key and (not self._has_had_keys or not key):
            return ANONYMOUS
        if scheme.lower() != "bearer" or not key:
            raise InvalidApiKeyError("no bearer token")
        return self._ring.check(key, self._wall_clock())

    async def reserve(self, caller: Caller, model: str, num_tokens: int) -> Reservation:
        """Room for one request of at most `num_tokens`, prompt and completion together.

        Raises `RateLimitExceededError` and `RequestTooLargeError`, and then takes nothing.
        """
        scopes = caller.scopes
        if not scopes:
            return Reservation(self, caller, model, num_tokens, Standing())
        refusal, stand = await self._take(scopes, num_tokens)
        if refusal is None:
            return Reservation(self, caller, model, num_tokens, stand)
        raise _error(refusal, model, stand)

    # Called by reservations.

    def change(self, scopes: tuple[Scope, ...], num_requests: float, num_tokens: float) -> None:
        """Take more from the buckets of these scopes, or give back where negative."""
        now_s = self._now_s()
        changed = take(
            scopes, self._buckets, num_requests=num_requests, num_tokens=num_tokens, now_s=now_s
        )
        self._keep(changed)
        if self._store.is_shared:
            self._owe(Taken(scope, num_requests, num_tokens) for scope in scopes)

    def count(self, key_id: str, model: str, counts: Counts) -> None:
        """Add to the usage of today, UTC."""
        day = datetime.fromtimestamp(self._wall_clock(), UTC).date().isoformat()
        key = UsageKey(key_id, model, day)
        self._usage[key] = self._usage.get(key, Counts()) + counts

    # How

    async def _take(
        self, scopes: tuple[Scope, ...], num_tokens: int
    ) -> tuple[Refusal | None, Standing]:
        if self._store.is_shared and self._clock() >= self._shared_again_s:
            try:
                refusal, stand, buckets = await self._take_shared(scopes, num_tokens)
            except LedgerUnavailableError as error:
                self._shared_again_s = self._clock() + _RETRY_SHARED_S
                self._warn("%s; until it is back, this server keeps limits on its own", error)
            else:
                self._buckets.update(buckets)
                return refusal, stand
        now_s = self._now_s()
        refusal = find_refusal(scopes, self._buckets, num_tokens=num_tokens, now_s=now_s)
        if refusal is None:
            changed = take(
                scopes, self._buckets, num_requests=1, num_tokens=num_tokens, now_s=now_s
            )
            self._keep(changed)
            if self._store.is_shared:
                self._owe(Taken(scope, 1, num_tokens) for scope in scopes)
        return refusal, standing(scopes, self._buckets, now_s=now_s)

    async def _take_shared(self, scopes: tuple[Scope, ...], num_tokens: int) -> _SharedAnswer:
        asking = asyncio.ensure_future(self._in_thread(self._store.reserve, scopes, num_tokens))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            # The database goes on, so what it takes for a client that has left is given back.
            def give_back(done: asyncio.Future[_SharedAnswer]) -> None:
                if not done.cancelled() and done.exception() is None and not done.result()[0]:
                    self._owe(Taken(scope, -1, -num_tokens) for scope in scopes)

            asking.add_done_callback(give_back)
            raise

    def _now_s(self) -> float:
        return self._clock() + self._clock_offset_s

    def _keep(self, changed: dict[BucketId, Bucket]) -> None:
        self._buckets.update(changed)
        if not self._store.is_shared:
            self._changed_buckets.update(changed)

    def _owe(self, taken: Iterable[Taken]) -> None:
        for each in taken:
            known = self._taken.get(each.scope.id, Taken(each.scope, 0, 0))
            self._taken[each.scope.id] = Taken(
                each.scope,
                known.num_requests + each.num_requests,
                known.num_tokens + each.num_tokens,
            )

    async def _repeat(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._interval_s)
            await self._keep_up(self._write)
            await self._keep_up(self._refresh)
        await self._keep_up(self._write)

    async def _keep_up(self, work: Callable[[], Awaitable[None]]) -> None:
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
        # Read after the number: what changes between the two is read again the next time.
        self._ring = await self._in_thread(self._store.key_ring)
        self._has_had_keys = self._has_had_keys or len(self._ring) > 0
        self._revision = revision

    async def _write(self) -> None:
        usage, self._usage = self._usage, {}
        buckets, self._changed_buckets = self._changed_buckets, {}
        taken, self._taken = self._taken, {}
        if not usage and not buckets and not taken:
            return
        try:
            await self._in_thread(self._store.write, usage, buckets, list(taken.values()))
        except Exception:
            # Back to what has gathered meanwhile, to be written the next time.
            for key, counts in usage.items():
                self._usage[key] = self._usage.get(key, Counts()) + counts
            self._changed_buckets = buckets | self._changed_buckets
            self._owe(taken.values())
            raise

    async def _in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(function, *args, **kwargs))

    def _warn(self, text: str, error: LedgerUnavailableError) -> None:
        now_s = self._clock()
        if self._warned_s is None or now_s - self._warned_s >= _WARNING_INTERVAL_S:
            self._warned_s = now_s
            logger.warning(text, error.reason)


def _error(refusal: Refusal, model: str, stand: Standing) -> AdmissionError:
    if refusal.wait_s is None:
        return RequestTooLargeError(
            owner=refusal.owner,
            model=model,
            name=refusal.name,
            limit=refusal.limit,
            requested=refusal.requested,
            standing=stand,
        )
    return RateLimitExceededError(
        owner=refusal.owner,
        model=model,
        name=refusal.name,
        limit=refusal.limit,
        used=refusal.used,
        requested=refusal.requested,
        wait_s=refusal.wait_s,
        standing=stand,
    )
