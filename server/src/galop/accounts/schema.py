"""The tables. A change needs a migration in `migrations/versions`; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

HEAD = "0002"
"""The newest migration."""

metadata = MetaData()

key_groups = Table(
    "key_groups",
    metadata,
    Column("name", Text, primary_key=True),
    Column("rpm", BigInteger),
    Column("tpm", BigInteger),
    Column("rpd", BigInteger),
    Column("tpd", BigInteger),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False, unique=True),
    Column("digest", LargeBinary, nullable=False),
    Column("created_s", Double, nullable=False),
    Column("expires_s", Double),
    Column("revoked_s", Double),
    Column("group", Text, ForeignKey("key_groups.name")),
    Column("models", JSON, nullable=False),
    Column("may_use_performance", Boolean, nullable=False),
    Column("rpm", BigInteger),
    Column("tpm", BigInteger),
    Column("rpd", BigInteger),
    Column("tpd", BigInteger),
    Column("former_prefix", Text),
    Column("former_digest", LargeBinary),
    Column("former_until_s", Double),
)

usage_by_day = Table(
    "usage_by_day",
    metadata,
    Column("key_id", Text, primary_key=True),  # empty: anonymous
    Column("model", Text, primary_key=True),
    Column("day", Text, primary_key=True),  # YYYY-MM-DD, UTC
    Column("num_requests", BigInteger, nullable=False),
    Column("num_prompt_tokens", BigInteger, nullable=False),
    Column("num_cached_tokens", BigInteger, nullable=False),
    Column("num_completion_tokens", BigInteger, nullable=False),
)

rate_buckets = Table(
    "rate_buckets",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("used", Double, nullable=False),
    Column("updated_s", Double, nullable=False),
)

ledger_state = Table(
    "ledger_state",
    metadata,
    Column("id", Integer, primary_key=True),  # the only row has 1
    Column("revision", BigInteger, nullable=False),  # rises with every change of keys or groups
    Column("secret_fingerprint", Text),  # which server secret the digests were made with
)
