"""Alembic's folder, shipped with the package: `versions/` has one module for every change."""
