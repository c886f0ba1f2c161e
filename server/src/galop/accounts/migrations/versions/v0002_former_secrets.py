"""The secret of a key before its last rotation, and the time until which it is valid."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, null for every key."""
    op.add_column("api_keys", sa.Column("former_prefix", sa.Text))
    op.add_column("api_keys", sa.Column("former_digest", sa.LargeBinary))
    op.add_column("api_keys", sa.Column("former_until_s", sa.Double))


def downgrade() -> None:
    """Drop the columns: former secrets end."""
    for name in ("former_prefix", "former_digest", "former_until_s"):
        op.drop_column("api_keys", name)
