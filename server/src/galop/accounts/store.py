"""Keys, groups, usage and rate limit buckets in SQL. Blocks: call it on a thread, not on the event loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, and_, func, or_, select, update
from sqlalchemy.dialects import sqlite

from galop.accounts.database import (
    SECRET_NAME,
    is_postgres,
    make_secret,
    open_engine,
    read_secret,
    reported_errors,
)
from galop.accounts.errors import KeyNotFoundError, LedgerUnavailableError, NameTakenError
from galop.accounts.keys import (
    ANONYMOUS,
    PREFIX_LENGTH,
    ApiKey,
    FormerSecret,
    Group,
    KeyRing,
    digest_of,
    fingerprint_of,
    new_key,
    new_key_id,
)
from galop.accounts.limits import (
    LIMIT_NAMES,
    Bucket,
    BucketId,
    ExceededLimit,
    LimitScope,
    RateLimits,
    RemainingLimits,
    bucket_ids,
    consume,
    find_exceeded_limit,
    remaining_limits,
)
from galop.accounts.schema import api_keys, key_groups, ledger_state, rate_buckets, usage_by_day
from galop.accounts.usage import COUNT_NAMES, UsageCounts, UsageKey, UsageRow


@dataclass(frozen=True, slots=True)
class Consumption:
    """Requests and tokens to consume from the buckets of a scope; negative: to give back."""

    scope: LimitScope
    num_requests: float
    num_tokens: float


class Store:
    """An open database. Every method is one transaction and raises `LedgerUnavailableError`."""

    def __init__(
        self, url: str | None, state_directory: Path, secret_file: Path | None = None
    ) -> None:
        """Open the database; create or migrate its tables."""
        self._engine = open_engine(url, state_directory)
        self.is_shared = is_postgres(self._engine)
        """True if several servers may use it at once; they share the limits in it."""
        self.where = self._engine.url.render_as_string(hide_password=True)
        """URL without the password."""
        self._secret = self._agreed_secret(secret_file or state_directory / SECRET_NAME)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    # Keys and groups

    def revision(self) -> int:
        """A number that rises with every change of keys or groups."""
        with self._transaction() as connection:
            return int(connection.execute(select(ledger_state.c.revision)).scalar_one())

    def read_keys(self) -> tuple[list[ApiKey], dict[str, Group]]:
        """All keys, oldest first, revoked ones included; all groups by name."""
        with self._transaction() as connection:
            keys = connection.execute(select(api_keys).order_by(api_keys.c.created_s)).mappings()
            groups = connection.execute(select(key_groups)).mappings()
            return [_key(row) for row in keys], {
                row["name"]: Group(name=row["name"], limits=_limits(row)) for row in groups
            }

    def has_keys(self) -> bool:
        """True if any key exists or has existed."""
        with self._transaction() as connection:
            return connection.execute(select(api_keys.c.id).limit(1)).first() is not None

    def key_ring(self) -> KeyRing:
        """A snapshot of all keys."""
        return KeyRing(*self.read_keys(), self._secret)

    def create_key(self, draft: ApiKey) -> tuple[str, ApiKey]:
        """Create a key; returns its text, which is not stored, and its record.

        `draft` gives every field except id, prefix and digest. A missing group is created. Raises
        `NameTakenError`.
        """
        secret_key = new_key()
        key = replace(draft, id=new_key_id(), **self._prefix_and_digest(secret_key))
        with self._revising() as connection:
            if _find_active(connection, key.name) is not None:
                raise NameTakenError(key.name)
            self._ensure_group(connection, key.group)
            connection.execute(api_keys.insert(), [_row(key)])
        return secret_key, key

    def change_key(self, name: str, change: Callable[[ApiKey], ApiKey]) -> ApiKey:
        """Apply `change` to the active key `name`. Raises `KeyNotFoundError` and `NameTakenError`."""
        with self._revising() as connection:
            key = change(_require_active(connection, name))
            holder = _find_active(connection, key.name)
            if holder is not None and holder.id != key.id:
                raise NameTakenError(key.name)
            self._ensure_group(connection, key.group)
            self._update_key(connection, key)
        return key

    def revoke_key(self, name: str, now_s: float) -> ApiKey:
        """End the key's validity now. Raises `KeyNotFoundError`."""
        with self._revising() as connection:
            key = replace(_require_active(connection, name), revoked_s=now_s)
            self._update_key(connection, key)
        return key

    def rotate_key(self, name: str, *, keep_old_until_s: float | None = None) -> tuple[str, ApiKey]:
        """Give the key a new secret. The former one is valid until `keep_old_until_s`, Unix seconds, or ends
        now; a secret before that ends now in any case. Raises `KeyNotFoundError`."""
        secret_key = new_key()
        with self._revising() as connection:
            key = _require_active(connection, name)
            former = None
            if keep_old_until_s is not None:
                former = FormerSecret(
                    prefix=key.prefix, digest=key.digest, until_s=keep_old_until_s
                )
            key = replace(key, former=former, **self._prefix_and_digest(secret_key))
            self._update_key(connection, key)
        return secret_key, key

    def change_group(self, name: str, limits: Mapping[str, int | None]) -> Group:
        """Change limits of a group, which is created if it is missing. None removes a limit."""
        with self._revising() as connection:
            self._ensure_group(connection, name)
            is_named = key_groups.c.name == name
            if limits:
                connection.execute(update(key_groups).where(is_named).values(dict(limits)))
            row = connection.execute(select(key_groups).where(is_named)).mappings().one()
            return Group(name=name, limits=_limits(row))

    # Usage

    def add_usage(self, usage: Mapping[UsageKey, UsageCounts]) -> None:
        """Add to the stored usage."""
        self.write(usage, {}, ())

    def read_usage(self, *, since: str = "", until: str = "9999") -> list[UsageRow]:
        """Usage of the days `since` to `until`, inclusive, YYYY-MM-DD; sorted by day, key name and model."""
        statement = (
            select(usage_by_day, api_keys.c.name.label("key_name"))
            .outerjoin(api_keys, api_keys.c.id == usage_by_day.c.key_id)
            .where(and_(usage_by_day.c.day >= since, usage_by_day.c.day <= until))
        )
        with self._transaction() as connection:
            rows = [_usage_row(row) for row in connection.execute(statement).mappings()]
        return sorted(rows, key=lambda row: (row.usage.day, row.key_name, row.usage.model))

    # Rate limits

    def read_buckets(self) -> dict[BucketId, Bucket]:
        """All stored buckets."""
        with self._transaction() as connection:
            return _buckets(connection.execute(select(rate_buckets)).mappings())

    def reserve(
        self, scopes: Sequence[LimitScope], num_tokens: int
    ) -> tuple[ExceededLimit | None, RemainingLimits, dict[BucketId, Bucket]]:
        """Consume one request of `num_tokens` from the shared buckets if it fits all of them.

        Locks the rows of these buckets, so that concurrent servers wait for each other. Uses the
        database's clock, because the servers' clocks may differ.
        """
        with self._transaction() as connection:
            buckets, now_s = self._locked(connection, bucket_ids(scopes))
            exceeded = find_exceeded_limit(scopes, buckets, num_tokens=num_tokens, now_s=now_s)
            if exceeded is None:
                taken = consume(scopes, buckets, num_requests=1, num_tokens=num_tokens, now_s=now_s)
                buckets |= taken
                self._write_buckets(connection, taken)
            return exceeded, remaining_limits(scopes, buckets, now_s=now_s), buckets

    def write(
        self,
        usage: Mapping[UsageKey, UsageCounts],
        buckets: Mapping[BucketId, Bucket],
        consumption: Iterable[Consumption],
    ) -> None:
        """Write usage to add, buckets to replace, and consumption from shared buckets."""
        rows = [_usage_columns(key, counts) for key, counts in usage.items()]
        with self._transaction() as connection:
            if rows:
                self._add_usage(connection, rows)
            self._write_buckets(connection, buckets)
            for each in sorted(
                consumption, key=lambda each: each.scope.id
            ):  # all lock in one order
                current, now_s = self._locked(connection, bucket_ids([each.scope]))
                changed = consume(
                    [each.scope],
                    current,
                    num_requests=each.num_requests,
                    num_tokens=each.num_tokens,
                    now_s=now_s,
                )
                self._write_buckets(connection, changed)

    # Implementation

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with reported_errors(self._engine), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _revising(self) -> Iterator[Connection]:
        """A transaction that raises the revision, so that servers read the keys again."""
        with self._transaction() as connection:
            rise = {"revision": ledger_state.c.revision + 1}
            connection.execute(update(ledger_state).values(rise))
            yield connection

    def _prefix_and_digest(self, secret_key: str) -> dict[str, Any]:  # Any: fields of ApiKey
        digest = digest_of(secret_key, self._secret)
        return {"prefix": secret_key[:PREFIX_LENGTH], "digest": digest}

    def _agreed_secret(self, file: Path) -> bytes:
        """The server's secret, checked against the fingerprint that the database holds."""
        # The fingerprint is written after the file: in this order, a known fingerprint has a file.
        with self._transaction() as connection:
            known = connection.execute(select(ledger_state.c.secret_fingerprint)).scalar()
        secret = read_secret(file)
        if secret is None and known is None:
            secret = make_secret(file)
        if known is None:
            assert secret is not None
            with self._transaction() as connection:
                first = ledger_state.c.secret_fingerprint.is_(None)
                values = {"secret_fingerprint": fingerprint_of(secret)}
                connection.execute(update(ledger_state).where(first).values(values))
                known = connection.execute(select(ledger_state.c.secret_fingerprint)).scalar()
        if secret is None or fingerprint_of(secret) != known:
            what = "is missing" if secret is None else "is another one"
            raise LedgerUnavailableError(
                f"the keys in {self.where} were made with a server secret, and {file} {what}; copy "
                "that file from where the first key was made, or name it with --secret-file"
            )
        return secret

    def _update_key(self, connection: Connection, key: ApiKey) -> None:
        connection.execute(update(api_keys).where(api_keys.c.id == key.id).values(_row(key)))

    def _ensure_group(self, connection: Connection, name: str | None) -> None:
        if name is not None:
            insert = self._insert(key_groups).values(name=name).on_conflict_do_nothing()
            connection.execute(insert)

    def _insert(self, table: Table) -> Any:  # Any: both dialects' Insert, which share no base
        if not self.is_shared:
            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql  # most servers need only SQLite

        return postgresql.insert(table)

    def _upsert(
        self, connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]
    ) -> None:
        """Insert rows; replace those with the same primary key."""
        insert = self._insert(table)
        keys = [column.name for column in table.primary_key]
        values = {
            column.name: insert.excluded[column.name]
            for column in table.columns
            if column.name not in keys
        }
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=values), rows)

    def _add_usage(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        insert = self._insert(usage_by_day)
        sums = {name: usage_by_day.c[name] + insert.excluded[name] for name in COUNT_NAMES}
        keys = [column.name for column in usage_by_day.primary_key]
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=sums), rows)

    def _write_buckets(self, connection: Connection, buckets: Mapping[BucketId, Bucket]) -> None:
        rows = [
            {"scope": id.scope, "name": id.name, "used": each.used, "updated_s": each.updated_s}
            for id, each in buckets.items()
        ]
        if rows:
            self._upsert(connection, rate_buckets, rows)

    def _locked(
        self, connection: Connection, ids: Sequence[BucketId]
    ) -> tuple[dict[BucketId, Bucket], float]:
        """The buckets, locked until the end of the transaction, and the time in Unix seconds."""
        if not ids:
            return {}, 0.0
        empty = [{"scope": id.scope, "name": id.name, "used": 0.0, "updated_s": 0.0} for id in ids]
        connection.execute(self._insert(rate_buckets).on_conflict_do_nothing(), empty)
        wanted = or_(
            *(and_(rate_buckets.c.scope == id.scope, rate_buckets.c.name == id.name) for id in ids)
        )
        statement = select(rate_buckets).where(wanted).with_for_update()
        statement = statement.order_by(rate_buckets.c.scope, rate_buckets.c.name)
        buckets = _buckets(connection.execute(statement).mappings())
        if not self.is_shared:
            return buckets, time.time()
        now = connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one()
        return buckets, float(now)


def _find_active(connection: Connection, name: str) -> ApiKey | None:
    """The active key with this name, id or prefix; a whole key is found by its prefix."""
    is_called = or_(
        api_keys.c.name == name,
        api_keys.c.id == name,
        api_keys.c.prefix == name[:PREFIX_LENGTH],
    )
    statement = select(api_keys).where(and_(is_called, api_keys.c.revoked_s.is_(None)))
    rows = list(connection.execute(statement).mappings())
    return _key(rows[0]) if rows else None


def _require_active(connection: Connection, name: str) -> ApiKey:
    key = _find_active(connection, name)
    if key is None:
        raise KeyNotFoundError(name)
    return key


def _key(row: RowMapping) -> ApiKey:
    return ApiKey(
        id=row["id"],
        name=row["name"],
        prefix=row["prefix"],
        digest=bytes(row["digest"]),
        created_s=row["created_s"],
        expires_s=row["expires_s"],
        revoked_s=row["revoked_s"],
        group=row["group"],
        limits=_limits(row),
        models=tuple(row["models"]),
        may_use_performance=row["may_use_performance"],
        former=_former(row),
    )


def _former(row: RowMapping) -> FormerSecret | None:
    if row["former_prefix"] is None:
        return None
    return FormerSecret(
        prefix=row["former_prefix"],
        digest=bytes(row["former_digest"]),
        until_s=row["former_until_s"],
    )


def _row(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "digest": key.digest,
        "created_s": key.created_s,
        "expires_s": key.expires_s,
        "revoked_s": key.revoked_s,
        "group": key.group,
        "models": list(key.models),
        "may_use_performance": key.may_use_performance,
        "former_prefix": key.former and key.former.prefix,
        "former_digest": key.former and key.former.digest,
        "former_until_s": key.former and key.former.until_s,
        **_limit_columns(key.limits),
    }


def _limits(row: RowMapping) -> RateLimits:
    return RateLimits(**{name: row[name] for name in LIMIT_NAMES})


def _limit_columns(limits: RateLimits) -> dict[str, int | None]:
    return {name: getattr(limits, name) for name in LIMIT_NAMES}


def _usage_columns(key: UsageKey, counts: UsageCounts) -> dict[str, object]:
    return {
        "key_id": key.key_id,
        "model": key.model,
        "day": key.day,
        **{name: getattr(counts, name) for name in COUNT_NAMES},
    }


def _usage_row(row: RowMapping) -> UsageRow:
    return UsageRow(
        key_name=row["key_name"] or row["key_id"] or ANONYMOUS.name,
        usage=UsageKey(row["key_id"], row["model"], row["day"]),
        counts=UsageCounts(**{name: row[name] for name in COUNT_NAMES}),
    )


def _buckets(rows: Iterable[RowMapping]) -> dict[BucketId, Bucket]:
    return {
        BucketId(row["scope"], row["name"]): Bucket(row["used"], row["updated_s"]) for row in rows
    }
