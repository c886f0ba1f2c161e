"""Ledgers to test with: SQLite files, and databases of a PostgreSQL started for these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from galop.accounts.keys import ApiKey
from galop.accounts.limits import RateLimits
from galop.accounts.store import Store
from server.tests.accounts.postgres import Postgres, missing_programs


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    if missing := missing_programs():
        pytest.skip(f"PostgreSQL is not installed here: no {', '.join(missing)}")
    server = Postgres()
    server.start()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return None
    url: str = request.getfixturevalue("postgres").new_database()
    return url


@pytest.fixture
def open_store(ledger_url: str | None, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the database, as often as wanted."""
    stores: list[Store] = []

    def open_one() -> Store:
        stores.append(Store(ledger_url, tmp_path))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    """An open ledger with nothing in it."""
    return open_store()


def draft(name: str = "alice", limits: RateLimits | None = None, **options: object) -> ApiKey:
    """A key to be made."""
    return ApiKey(
        id="",
        name=name,
        prefix="",
        digest=b"",
        created_s=1.0,
        limits=limits or RateLimits(),
        **options,  # type: ignore[arg-type]  # a test's shorthand
    )


@pytest.fixture
def make_draft() -> Callable[..., ApiKey]:
    """See `draft`."""
    return draft
