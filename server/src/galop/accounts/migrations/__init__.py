"""Alembic's folder, part of the package: `versions/` has one module per migration."""
