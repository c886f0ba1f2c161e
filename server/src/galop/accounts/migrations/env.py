"""Alembic's environment: migrates over the connection that `database.open_engine` passes in."""

from __future__ import annotations

from alembic import context

from galop.accounts.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter most things in place
)
with context.begin_transaction():
    context.run_migrations()
