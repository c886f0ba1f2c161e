"""What the ledger keeps: on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

import galop.accounts
from galop.accounts.errors import (
    InvalidApiKeyError,
    KeyNotFoundError,
    LedgerUnavailableError,
    NameTakenError,
)
from galop.accounts.keys import ApiKey
from galop.accounts.limits import Bucket, BucketId, LimitScope, RateLimits
from galop.accounts.schema import HEAD, metadata
from galop.accounts.store import Consumption, Store
from galop.accounts.usage import UsageCounts, UsageKey

MakeDraft = Callable[..., ApiKey]


def engine_of(ledger_url: str | None, state_directory: Path) -> Engine:
    """The database of a store, without the store."""
    url = ledger_url or f"sqlite:///{state_directory / 'ledger.sqlite3'}"
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


def migrations() -> Config:
    """The configuration of Alembic for our migrations."""
    config = Config()
    folder = Path(galop.accounts.__file__).with_name("migrations")
    config.set_main_option("script_location", str(folder))
    return config


def test_a_key_is_read_as_it_was_created(store: Store, make_draft: MakeDraft) -> None:
    """It is found by name, id and prefix; its text is not stored."""
    draft = make_draft(
        limits=RateLimits(rpm=1, tpd=2**40), group="team", models=("a", "b"), expires_s=5.5
    )
    text_of_key, key = store.create_key(draft)

    keys, groups = store.read_keys()
    assert keys == [key]
    assert replace(key, id="", prefix="", digest=b"") == draft
    assert groups["team"].limits == RateLimits()
    for name in ("alice", key.id, text_of_key):
        assert store.change_key(name, lambda found: found) == key
    assert text_of_key.encode() not in key.digest
    assert store.key_ring().check(text_of_key, 1.0).key_id == key.id


def test_a_name_belongs_to_one_active_key(store: Store, make_draft: MakeDraft) -> None:
    """A revoked key's name is free again."""
    store.create_key(make_draft("alice"))
    store.create_key(make_draft("bob"))
    with pytest.raises(NameTakenError):
        store.create_key(make_draft("alice"))
    with pytest.raises(NameTakenError):
        store.change_key("bob", lambda key: replace(key, name="alice"))
    store.revoke_key("alice", 2.0)
    store.create_key(make_draft("alice"))
    assert len(store.read_keys()[0]) == 3


def test_rotation_changes_only_the_secret(store: Store, make_draft: MakeDraft) -> None:
    """The old one ends; id and limits stay."""
    old, key = store.create_key(make_draft(limits=RateLimits(rpm=7)))
    new, rotated = store.rotate_key("alice")

    ring = store.key_ring()
    assert ring.check(new, 1.0).key_id == key.id
    with pytest.raises(InvalidApiKeyError):
        ring.check(old, 1.0)
    assert replace(rotated, prefix=key.prefix, digest=key.digest) == key


def test_every_change_of_keys_raises_the_revision(store: Store, make_draft: MakeDraft) -> None:
    """Servers read the keys again if it differs."""
    changes: list[Callable[[], object]] = [
        lambda: store.create_key(make_draft()),
        lambda: store.change_key("alice", lambda key: replace(key, limits=RateLimits(rpm=2))),
        lambda: store.change_group("team", {"tpm": 5}),
        lambda: store.rotate_key("alice"),
        lambda: store.revoke_key("alice", 1.0),
    ]
    for change in changes:
        before = store.revision()
        change()
        assert store.revision() == before + 1


def test_an_unknown_key_is_an_error(store: Store, make_draft: MakeDraft) -> None:
    """The revision stays."""
    store.create_key(make_draft())
    store.revoke_key("alice", 1.0)
    before = store.revision()
    changes: list[Callable[[], object]] = [
        lambda: store.change_key("alice", lambda key: key),
        lambda: store.rotate_key("alice"),
        lambda: store.revoke_key("alice", 1.0),
    ]
    for change in changes:
        with pytest.raises(KeyNotFoundError):
            change()
    assert store.revision() == before


def test_group_limits_change_one_by_one(store: Store) -> None:
    """Limits that are not given stay."""
    store.change_group("team", {"rpm": 5, "tpm": 10})
    group = store.change_group("team", {"rpm": None})
    assert group.limits == RateLimits(tpm=10)
    assert store.read_keys()[1]["team"] == group


def test_usage_adds_up(store: Store, make_draft: MakeDraft) -> None:
    """By key, model and day; rows have the name of the key."""
    _, key = store.create_key(make_draft())
    today = UsageKey(key.id, "m", "2026-01-02")
    once = UsageCounts(num_requests=1, num_prompt_tokens=5, num_completion_tokens=2)
    store.add_usage({today: once, UsageKey("", "m", "2026-01-01"): once})
    store.add_usage({today: once})

    rows = store.read_usage()
    assert [(row.key_name, row.usage.day) for row in rows] == [
        ("anonymous", "2026-01-01"),
        ("alice", "2026-01-02"),
    ]
    assert rows[1].counts == once + once
    assert store.read_usage(since="2026-01-02", until="2026-01-02") == rows[1:]


@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_concurrent_servers_share_a_limit(open_store: Callable[[], Store], store: Store) -> None:
    """Of forty concurrent requests from four servers, exactly those that fit are admitted."""
    scopes = [
        LimitScope("key:1", "alice", RateLimits(tpd=1000)),
        LimitScope("group:g", "g", RateLimits(rpd=25)),
    ]
    let_in: list[bool] = []

    def ask(each: Store) -> None:
        for _ in range(10):
            let_in.append(each.reserve(scopes, 30)[0] is None)

    threads = [threading.Thread(target=ask, args=(open_store(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert let_in.count(True) == 25
    refusal, shown, _ = store.reserve(scopes, 30)
    assert refusal is not None
    assert (refusal.name, refusal.used) == ("rpd", 25)
    assert shown.requests is not None
    assert shown.requests.remaining == 0


@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_returned_tokens_can_be_reserved_again(store: Store) -> None:
    """A settled reservation frees what it did not use."""
    scope = LimitScope("key:1", "alice", RateLimits(tpd=100))
    assert store.reserve([scope], 90)[0] is None
    assert store.reserve([scope], 90)[0] is not None
    store.write({}, {}, [Consumption(scope, 0, -80)])
    assert store.reserve([scope], 85)[0] is None


def test_buckets_are_stored(open_store: Callable[[], Store], store: Store) -> None:
    """The next process reads them."""
    buckets = {BucketId("key:1", "rpd"): Bucket(3.25, 1.7e9)}
    store.write({}, buckets, [])
    assert open_store().read_buckets() == buckets


def test_a_database_is_reopened_unchanged(
    open_store: Callable[[], Store], store: Store, make_draft: MakeDraft
) -> None:
    """No migration runs again, and the secret stays."""
    secret_key, _ = store.create_key(make_draft())
    assert open_store().key_ring().check(secret_key, 1.0).name == "alice"


def test_a_former_secret_is_valid_until_its_time(
    open_store: Callable[[], Store], store: Store, make_draft: MakeDraft
) -> None:
    """Another rotation ends it."""
    first, _ = store.create_key(make_draft())
    second, rotated = store.rotate_key("alice", keep_old_until_s=100.0)
    assert store.read_keys()[0] == [rotated]
    ring = open_store().key_ring()
    assert ring.check(first, 99.0) == ring.check(second, 101.0)
    third, _ = store.rotate_key("alice", keep_old_until_s=200.0)
    ring = store.key_ring()
    assert ring.check(second, 199.0) == ring.check(third, 199.0)
    with pytest.raises(InvalidApiKeyError):
        ring.check(first, 99.0)


def test_a_database_of_the_previous_version_keeps_its_keys(
    ledger_url: str | None, tmp_path: Path, make_draft: MakeDraft
) -> None:
    """It is migrated when it is opened."""
    old = Store(ledger_url, tmp_path)
    secret_key, key = old.create_key(make_draft(limits=RateLimits(rpm=3)))
    old.close()
    engine = engine_of(ledger_url, tmp_path)
    config = migrations()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    with engine.connect() as connection:
        columns = {each["name"] for each in inspect(connection).get_columns("api_keys")}
    engine.dispose()
    assert "former_prefix" not in columns

    migrated = Store(ledger_url, tmp_path)
    assert migrated.read_keys()[0] == [key]
    assert migrated.key_ring().check(secret_key, 1.0).key_id == key.id
    migrated.close()


def test_several_servers_may_open_an_empty_database_at_once(
    open_store: Callable[[], Store], make_draft: MakeDraft
) -> None:
    """One migrates and creates the secret; the others use them."""
    stores: list[Store] = []
    failures: list[BaseException] = []

    def open_one() -> None:
        try:
            stores.append(open_store())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=open_one) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    secret_key, _ = stores[0].create_key(make_draft())
    assert [each.key_ring().check(secret_key, 1.0).name for each in stores] == ["alice"] * 5


def test_the_migrations_make_the_tables_of_the_schema(
    ledger_url: str | None, tmp_path: Path
) -> None:
    """From an empty database to the head, which the code expects."""
    store = Store(ledger_url, tmp_path)
    store.close()
    engine = engine_of(ledger_url, tmp_path)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
    assert ScriptDirectory.from_config(migrations()).get_current_head() == HEAD


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """Its tables may have changed."""
    Store(None, tmp_path).close()
    engine = engine_of(None, tmp_path)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(LedgerUnavailableError, match="newer galop"):
        Store(None, tmp_path)


def test_another_secret_is_refused(tmp_path: Path, make_draft: MakeDraft) -> None:
    """Every key would be invalid under it."""
    Store(None, tmp_path).close()
    secret = tmp_path / "secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    secret.rename(tmp_path / "moved")
    with pytest.raises(LedgerUnavailableError, match="is missing"):
        Store(None, tmp_path)
    secret.write_bytes(b"x" * 32)
    with pytest.raises(LedgerUnavailableError, match="is another one"):
        Store(None, tmp_path)
    secret.write_bytes(b"x")
    with pytest.raises(LedgerUnavailableError, match="too short"):
        Store(None, tmp_path)
    Store(None, tmp_path, secret_file=tmp_path / "moved").close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://user:hunter2@host/db", "no database we know"),
        ("what is this hunter2", "cannot be understood"),
        ("postgresql://user:hunter2@127.0.0.1:1/db", "refused"),
        ("sqlite:////nonexistent/hunter/ledger", "unable to open"),
    ],
)
def test_a_database_that_cannot_be_used_is_named_without_its_password(
    url: str, said: str, tmp_path: Path
) -> None:
    """In one line."""
    with pytest.raises(LedgerUnavailableError) as caught:
        Store(url, tmp_path)
    assert said in caught.value.reason
    assert "hunter2" not in caught.value.reason
    assert "\n" not in caught.value.reason


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """And stays unchanged."""
    file = tmp_path / "ledger.sqlite3"
    file.write_bytes(b"hello " * 1000)
    with pytest.raises(LedgerUnavailableError, match="not a database"):
        Store(None, tmp_path)
    assert file.read_bytes() == b"hello " * 1000


def test_other_tables_of_the_database_stay(tmp_path: Path) -> None:
    """Only our own tables are created."""
    engine = engine_of(None, tmp_path)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE recipes (title TEXT)"))
    engine.dispose()
    store = Store(None, tmp_path)
    assert store.revision() == 0
    store.close()
