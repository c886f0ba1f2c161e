"""Keys, groups, usage per day, rate limit buckets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "key_groups",
        sa.Column("name", sa.Text, primary_key=True),
        *_limits(),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False, unique=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("created_s", sa.Double, nullable=False),
        sa.Column("expires_s", sa.Double),
        sa.Column("revoked_s", sa.Double),
        sa.Column("group", sa.Text, sa.ForeignKey("key_groups.name")),
        sa.Column("models", sa.JSON, nullable=False),
        sa.Column("may_use_performance", sa.Boolean, nullable=False),
        *_limits(),
    )
    op.create_table(
        "usage_by_day",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("num_requests", sa.BigInteger, nullable=False),
        sa.Column("num_prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("num_cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("num_completion_tokens", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "rate_buckets",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("used", sa.Double, nullable=False),
        sa.Column("updated_s", sa.Double, nullable=False),
    )
    state = op.create_table(
        "ledger_state",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("secret_fingerprint", sa.Text),
    )
    op.bulk_insert(state, [{"id": 1, "revision": 0, "secret_fingerprint": None}])


def downgrade() -> None:
    """Drop all tables. Keys and usage are lost."""
    for table in ("ledger_state", "rate_buckets", "usage_by_day", "api_keys", "key_groups"):
        op.drop_table(table)


def _limits() -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger) for name in ("rpm", "tpm", "rpd", "tpd")]
