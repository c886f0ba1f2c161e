"""The ledger of a running server: limits over time, batches of usage, databases that go away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from galop.accounts.errors import (
    InvalidApiKeyError,
    RateLimitExceededError,
    RequestTooLargeError,
)
from galop.accounts.keys import ANONYMOUS, ApiKey, Caller
from galop.accounts.ledger import Ledger
from galop.accounts.limits import LimitScope, RateLimits
from galop.accounts.store import Store
from galop.accounts.usage import UsageCounts

if TYPE_CHECKING:
    from server.tests.accounts.postgres import Postgres

MakeDraft = Callable[..., ApiKey]
USED = UsageCounts(
    num_requests=1, num_prompt_tokens=10, num_cached_tokens=4, num_completion_tokens=6
)


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def caller(**limits: int) -> Caller:
    return Caller(
        key_id="key_1", name="alice", scopes=(LimitScope("key:1", "alice", RateLimits(**limits)),)
    )


@asynccontextmanager
async def running(
    store: Store, clock: Clock | None = None, *, interval_s: float = 0.02, allow: bool = False
) -> AsyncIterator[Ledger]:
    clock = clock or Clock()
    async with Ledger(
        store, allow_anonymous=allow, interval_s=interval_s, wall_clock=clock, clock=clock
    ) as ledger:
        yield ledger


async def until(condition: Callable[[], bool]) -> None:
    """Fails after five seconds."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


def is_valid(ledger: Ledger, key: str) -> bool:
    try:
        ledger.authenticate(f"Bearer {key}")
    except InvalidApiKeyError:
        return False
    return True


async def test_a_settled_request_costs_what_it_used(tmp_path: Path) -> None:
    """Cached prompt tokens are free, and unused tokens are given back."""
    async with running(Store(None, tmp_path)) as ledger:
        alice = caller(tpm=100, rpd=10)
        reservation = await ledger.reserve(alice, "m", 90)
        assert reservation.remaining_limits.tokens is not None
        assert reservation.remaining_limits.tokens.remaining == 10
        with pytest.raises(RateLimitExceededError) as caught:
            await ledger.reserve(alice, "m", 11)
        reservation.settle(USED)
        after = (await ledger.reserve(alice, "m", 80)).remaining_limits

    assert caught.value.exceeded.wait_s == pytest.approx(0.6)
    assert after.tokens is not None
    assert after.tokens.remaining == 100 - 12 - 80
    assert after.requests is not None
    assert after.requests.remaining == 8


async def test_a_request_that_was_not_served_costs_nothing(tmp_path: Path) -> None:
    """No tokens and no request."""
    store = Store(None, tmp_path)
    async with running(store) as ledger:
        alice = caller(rpm=1, tpm=100)
        for _ in range(3):
            (await ledger.reserve(alice, "m", 100)).settle(UsageCounts())
    assert store.read_usage() == []


async def test_a_refused_request_consumes_nothing(tmp_path: Path) -> None:
    """Not even from the limits that it fits."""
    async with running(Store(None, tmp_path)) as ledger:
        alice = caller(rpm=5, tpm=100)
        for _ in range(10):
            with pytest.raises(RequestTooLargeError):
                await ledger.reserve(alice, "m", 101)
        await ledger.reserve(alice, "m", 100)


async def test_buckets_refill_with_time_and_survive_a_restart(tmp_path: Path) -> None:
    """Continuously, at limit / window."""
    clock = Clock()
    alice = caller(rpd=4)
    async with running(Store(None, tmp_path), clock) as ledger:
        for _ in range(4):
            await ledger.reserve(alice, "m", 1)
    async with running(Store(None, tmp_path), clock) as ledger:
        with pytest.raises(RateLimitExceededError) as caught:
            await ledger.reserve(alice, "m", 1)
        clock.now_s += caught.value.exceeded.wait_s + 0.001
        await ledger.reserve(alice, "m", 1)
    assert caught.value.exceeded.wait_s == pytest.approx(86400 / 4)


async def test_usage_is_written_periodically_and_at_the_end(store: Store) -> None:
    """In one row per key, model and day."""
    async with running(store, interval_s=0.02) as ledger:
        for _ in range(3):
            (await ledger.reserve(caller(), "m", 20)).settle(USED)
        await until(lambda: bool(store.read_usage()))
        (await ledger.reserve(ANONYMOUS, "m", 20)).settle(USED)
    counts = {row.usage.key_id: row.counts for row in store.read_usage()}
    assert counts == {"key_1": USED + USED + USED, "": USED}


async def test_changes_of_keys_take_effect(store: Store, make_draft: MakeDraft) -> None:
    """From the first key on, requests need one, also after all are revoked; rotation ends a key."""
    async with running(store) as ledger:
        assert ledger.authenticate(None) is ANONYMOUS
        assert ledger.authenticate("Bearer whatever") is ANONYMOUS
        old, _ = store.create_key(make_draft())
        await until(lambda: ledger.requires_key)
        assert is_valid(ledger, old)
        new, _ = store.rotate_key("alice")
        await until(lambda: not is_valid(ledger, old))
        assert is_valid(ledger, new)
        store.revoke_key("alice", 1.0)
        await until(lambda: not is_valid(ledger, new))
        for header in (None, "", "Bearer", "Basic " + new, new, "Bearer  "):
            with pytest.raises(InvalidApiKeyError):
                ledger.authenticate(header)


async def test_anonymous_requests_can_be_allowed_beside_keys(
    tmp_path: Path, make_draft: MakeDraft
) -> None:
    """An invalid key is still refused."""
    store = Store(None, tmp_path)
    key, _ = store.create_key(make_draft())
    async with running(store, allow=True) as ledger:
        assert ledger.authenticate(None) is ANONYMOUS
        assert ledger.authenticate(f"bearer {key}").name == "alice"
        with pytest.raises(InvalidApiKeyError):
            ledger.authenticate("Bearer gsk_wrong")


@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
async def test_two_servers_share_limits(open_store: Callable[[], Store]) -> None:
    """A reservation on one counts on the other, and so does its settlement."""
    alice = caller(tpd=100)
    async with running(open_store()) as one, running(open_store()) as other:
        first = await one.reserve(alice, "m", 70)
        with pytest.raises(RateLimitExceededError):
            await other.reserve(alice, "m", 40)
        first.settle(USED)

        async def fits() -> bool:
            try:
                await other.reserve(alice, "m", 40)
            except RateLimitExceededError:
                return False
            return True

        async with asyncio.timeout(5):
            while not await fits():
                await asyncio.sleep(0.02)


async def test_requests_continue_without_the_database(
    postgres: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Keys and local limits hold, one warning is logged, and the usage is written afterwards."""
    store = Store(postgres.new_database(), tmp_path)
    alice = caller(tpd=100)
    async with running(store) as ledger:
        (await ledger.reserve(alice, "m", 20)).settle(USED)
        await until(lambda: bool(store.read_usage()))
        postgres.stop()
        try:
            with caplog.at_level(logging.WARNING, "galop.accounts"):
                (await ledger.reserve(alice, "m", 60)).settle(USED)
                with pytest.raises(RateLimitExceededError):
                    await ledger.reserve(alice, "m", 90)
        finally:
            postgres.start()
        await until(lambda: store.read_usage()[0].counts == USED + USED)
        refusal, _, buckets = store.reserve(alice.scopes, 90)
    store.close()

    assert refusal is not None
    assert refusal.used == pytest.approx(24, abs=1)
    assert len(caplog.records) == 1


async def test_a_reservation_that_is_cancelled_is_given_back(
    postgres: Postgres, tmp_path: Path
) -> None:
    """Also if the database completes it after the cancellation."""
    store = Store(postgres.new_database(), tmp_path)
    alice = caller(tpd=100)
    async with running(store) as ledger:
        asking = asyncio.create_task(ledger.reserve(alice, "m", 80))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

        def is_free() -> bool:
            buckets = store.read_buckets()
            return bool(buckets) and all(each.used < 1 for each in buckets.values())

        await until(is_free)
    store.close()


async def test_a_check_of_a_key_needs_no_database(tmp_path: Path, make_draft: MakeDraft) -> None:
    """Keys are checked after the database is closed."""
    store = Store(None, tmp_path)
    key, _ = store.create_key(make_draft())
    async with running(store, interval_s=60) as ledger:
        store.close()
        (tmp_path / "ledger.sqlite3").rename(tmp_path / "elsewhere")
        assert is_valid(ledger, key)
        (tmp_path / "elsewhere").rename(tmp_path / "ledger.sqlite3")
