"""Checks of the ledger and its keys."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from galop.accounts.keys import ApiKey
from galop.cli.store import open_store
from galop.config.settings import Settings

if TYPE_CHECKING:
    from server.tests.cli.doctor.conftest import Examined


def test_it_looks_for_keys_without_making_a_ledger(examined: Examined, tmp_path: Path) -> None:
    """Looking changes nothing."""
    assert "none yet" in examined()["keys"].text
    assert not (tmp_path / "state").exists()


def test_a_state_directory_that_cannot_be_written_is_a_problem(
    examined: Examined, tmp_path: Path
) -> None:
    """The first key could not be stored."""
    (tmp_path / "file").touch()
    finding = examined(state_dir=str(tmp_path / "file" / "state"))["keys"]
    assert finding.verdict == "problem"
    assert "--state-dir" in finding.advice


def test_an_open_address_without_keys_is_a_problem(examined: Examined) -> None:
    """As `galop serve` would say, unless everybody may use it."""
    assert examined(host="0.0.0.0")["keys"].verdict == "problem"
    assert examined(host="0.0.0.0", allow_anonymous=True)["keys"].verdict == "ok"


def test_a_key_for_models_that_are_not_served_is_a_warning(examined: Examined) -> None:
    """Its requests get a 403."""
    draft = ApiKey(id="", name="bob", prefix="", digest=b"", created_s=0, models=("other",))
    with closing(open_store(Settings())) as store:
        store.create_key(draft)
    finding = examined()["keys"]
    assert finding.verdict == "warning"
    assert "bob may use only other" in finding.text
    assert examined(alias=["other=scripted"])["keys"].verdict == "ok"
    assert examined(host="0.0.0.0", alias=["other=scripted"])["keys"].verdict == "ok"


def test_a_ledger_that_cannot_be_reached_is_a_problem_without_its_password(
    examined: Examined, free_port: str
) -> None:
    """Reports are pasted into chats."""
    finding = examined(ledger_url=f"postgresql://u:s3cret@127.0.0.1:{free_port}/x")["keys"]
    assert finding.verdict == "problem"
    assert "s3cret" not in finding.text
