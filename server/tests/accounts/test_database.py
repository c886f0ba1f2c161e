"""The server's secret, and the URLs of databases. Opening and migrating: see `test_store`."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from galop.accounts.database import make_secret, open_engine, read_secret
from galop.accounts.errors import LedgerUnavailableError


def test_a_secret_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    """32 random bytes, in a directory that is created."""
    file = tmp_path / "state" / "secret"
    secret = make_secret(file)
    assert len(secret) == 32
    assert read_secret(file) == secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["secret"]


def test_concurrent_processes_agree_on_one_secret(tmp_path: Path) -> None:
    """The first one wins."""
    file = tmp_path / "secret"
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(make_secret(file))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert set(found) == {file.read_bytes()}


def test_a_missing_secret_differs_from_an_unusable_one(tmp_path: Path) -> None:
    """The former can be made, the latter must be mended."""
    assert read_secret(tmp_path / "none") is None
    short = tmp_path / "short"
    short.write_bytes(b"abc")
    with pytest.raises(LedgerUnavailableError, match="too short"):
        read_secret(short)
    with pytest.raises(LedgerUnavailableError, match="cannot read"):
        read_secret(tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:hunter2@localhost/x",
        "hunter2",
        "postgresql://u:hunter2@host:port/x",
        "sqlite://u:hunter2@host/x",
    ],
)
def test_an_unknown_url_is_refused_without_its_password(url: str, tmp_path: Path) -> None:
    """Other databases, and text that is no URL."""
    with pytest.raises(LedgerUnavailableError) as caught:
        open_engine(url, tmp_path)
    assert "hunter2" not in str(caught.value)
