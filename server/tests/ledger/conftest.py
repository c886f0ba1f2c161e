"""Ledgers to test with: SQLite files, and databases of a PostgreSQL started for these tests."""

from __future__ import annotations

import getpass
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from galop.ledger.keys import ApiKey
from galop.ledger.limits import Limits
from galop.ledger.store import Store


class Postgres:
    """A PostgreSQL of our own, on a free port of this machine, in a temporary directory."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="galop-postgres-"))
        self._data = self._directory / "data"
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._role = self._user or getpass.getuser()
        if self._user is not None:
            shutil.chown(self._directory, self._user)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self._databases = itertools.count()
        self._run("initdb", "-A", "trust", "-N", "-D", str(self._data))

    def start(self) -> None:
        """Wait until it answers."""
        options = f"-p {self._port} -k {self._directory} -c listen_addresses=127.0.0.1 -c fsync=off"
        log = str(self._directory / "log")
        self._run("pg_ctl", "start", "-w", "-D", str(self._data), "-l", log, "-o", options)

    def stop(self) -> None:
        """At once, as in a crash of the machine."""
        self._run("pg_ctl", "stop", "-m", "immediate", "-D", str(self._data))

    def remove(self) -> None:
        """Stop it and delete all it had."""
        self.stop()
        shutil.rmtree(self._directory)

    def new_database(self) -> str:
        """The URL of an empty one."""
        name = f"test{next(self._databases)}"
        where = ("-h", "127.0.0.1", "-p", str(self._port))
        self._run("createdb", *where, name)
        return f"postgresql://{self._role}@127.0.0.1:{self._port}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        path = _program(program)
        assert path is not None
        subprocess.run(
            [path, *arguments],
            user=self._user,
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,
        )


def _program(name: str) -> str | None:
    """Debian keeps them out of PATH."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, places)])
    return shutil.which(name, path=path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    missing = [name for name in ("initdb", "pg_ctl", "createdb") if _program(name) is None]
    if missing:
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


def draft(name: str = "alice", limits: Limits | None = None, **options: object) -> ApiKey:
    """A key to be made."""
    return ApiKey(
        id="",
        name=name,
        prefix="",
        digest=b"",
        created_s=1.0,
        limits=limits or Limits(),
        **options,  # type: ignore[arg-type]  # a test's shorthand
    )


@pytest.fixture
def make_draft() -> Callable[..., ApiKey]:
    """See `draft`."""
    return draft
