"""A PostgreSQL to test with: the machine's own programs, data of our own."""

from __future__ import annotations

import getpass
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path


def missing_programs() -> list[str]:
    """Those that `Postgres` needs and this machine lacks."""
    return [name for name in ("initdb", "pg_ctl", "createdb") if _find(name) is None]


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
        path = _find(program)
        assert path is not None
        subprocess.run(
            [path, *arguments],
            user=self._user,
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,
        )


def _find(name: str) -> str | None:
    """Debian keeps them out of PATH."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, places)])
    return shutil.which(name, path=path)
