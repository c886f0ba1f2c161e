"""Opens the ledger's database, SQLite in the state directory or PostgreSQL by URL, and the server's secret.

Raises `LedgerUnavailableError` for every fault that an operator can mend.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from galop.accounts.errors import LedgerUnavailableError
from galop.accounts.schema import HEAD

DATABASE_NAME = "ledger.sqlite3"
SECRET_NAME = "secret"
_NUM_SECRET_BYTES = 32
_MIGRATION_LOCK = 0x67616C6F70  # "galop"; no other program may use it in this database
_POSTGRES_TIMEOUT_S = 3
"""Limit on a connection attempt and on a statement; beyond it the database counts as unavailable."""


def open_engine(url: str | None, state_directory: Path) -> Engine:
    """Open and migrate the database. Makes the directory if SQLite needs it."""
    if url is None:
        _make_directory(state_directory)
        url = f"sqlite:///{state_directory / DATABASE_NAME}"
    engine = _engine(url)
    with reported_errors(engine):
        _migrate(engine)
    return engine


def is_postgres(engine: Engine) -> bool:
    """True if several servers may share this database."""
    return engine.dialect.name == "postgresql"


@contextlib.contextmanager
def reported_errors(engine: Engine) -> Iterator[None]:
    """Turns errors of SQLAlchemy into `LedgerUnavailableError`, without passwords."""
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        where = engine.url.render_as_string(hide_password=True)
        raise LedgerUnavailableError(f"the ledger at {where} cannot be used: {reason}") from error


def read_secret(file: Path) -> bytes | None:
    """The server's secret; None if the file does not exist."""
    try:
        secret = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LedgerUnavailableError(f"cannot read {file}: {error.strerror}") from error
    if len(secret) < _NUM_SECRET_BYTES:
        raise LedgerUnavailableError(f"{file} is too short: {_NUM_SECRET_BYTES} bytes are needed")
    return secret


def make_secret(file: Path) -> bytes:
    """Write a new secret with mode 0600; returns the existing one if another process was first."""
    _make_directory(file.parent)
    secret = secrets.token_bytes(_NUM_SECRET_BYTES)
    draft = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(secret)
            opened.flush()
            os.fsync(opened.fileno())
        try:
            os.link(draft, file)  # atomic, and fails if the file exists
        finally:
            draft.unlink()
    except FileExistsError:
        existing = read_secret(file)
        assert existing is not None
        return existing
    except OSError as error:
        raise LedgerUnavailableError(f"cannot write {file}: {error.strerror}") from error
    return secret


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerUnavailableError(
            f"cannot make the state directory {directory}: {error.strerror}"
        ) from error


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
            engine = create_engine(parsed)
            event.listen(engine, "connect", _prepare_sqlite)
            return engine
    except (ArgumentError, ValueError):  # ValueError: the port is no number
        # The message omits the URL and its error, which may hold a password.
        raise LedgerUnavailableError("the ledger's URL cannot be understood") from None
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        options = f"-c statement_timeout={_POSTGRES_TIMEOUT_S * 1000}"
        try:
            return create_engine(
                parsed.set(drivername="postgresql+psycopg"),
                pool_pre_ping=True,  # replaces connections that a restart of PostgreSQL has closed
                connect_args={"connect_timeout": _POSTGRES_TIMEOUT_S, "options": options},
            )
        except ImportError as error:
            raise LedgerUnavailableError(
                'PostgreSQL needs psycopg: pip install "galop[postgres]"'
            ) from error
    raise LedgerUnavailableError(
        f"{parsed.drivername!r} is no database we know; use sqlite:///FILE or "
        "postgresql://USER:PASSWORD@HOST/NAME"
    )


def _prepare_sqlite(connection: Any, record: object) -> None:  # Any: DB-API 2.0
    # WAL: readers and the writer do not block each other. FULL, the default: a key that was shown
    # survives a power cut.
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "busy_timeout = 5000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _migrate(engine: Engine) -> None:
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    # Alembic logs its steps at INFO, some of them on import.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic import command  # slow to import, and rarely needed
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with engine.begin() as connection:
        if is_postgres(engine):  # two servers may start at once
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
        else:
            connection.execute(text("BEGIN IMMEDIATE"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise LedgerUnavailableError(
                f"the ledger was written by a newer galop, or not by galop: {error}"
            ) from error


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if version is None else str(version)
