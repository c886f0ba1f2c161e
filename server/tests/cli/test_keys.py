"""`galop keys`, on SQLite."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from galop.cli.store import open_store
from galop.config.settings import Settings

if TYPE_CHECKING:
    from server.tests.cli.conftest import Galop


def create(galop: Galop, name: str, *arguments: str) -> str:
    result = galop("keys", "create", name, *arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout.strip()


def test_a_new_key_alone_is_on_stdout(galop: Galop) -> None:
    """What it may do is on stderr, for people."""
    options = ("--rpm", "5", "--model", "a", "--model", "b", "--group", "team", "--performance")
    result = galop("keys", "create", "bob", *options)
    assert re.fullmatch(r"gsk_\w{52}\n", result.stdout)
    assert "rpm 5; group team; models a, b; tier performance" in result.stderr
    assert result.stdout.strip() not in result.stderr


def test_without_keys_the_list_names_the_command_that_creates_one(galop: Galop) -> None:
    """No empty table."""
    assert (
        galop("keys", "list").stdout == "There are no keys. `galop keys create NAME` makes one.\n"
    )


def test_the_list_shows_active_keys_and_with_all_every_key(galop: Galop) -> None:
    """One line a key, unbroken in pipes; then the groups."""
    secret_key = create(galop, "bob", "--tpm", "1000", "--group", "team")
    create(galop, "eve")
    assert "is revoked" in galop("keys", "revoke", "eve").stdout
    galop("keys", "group", "team", "--rpd", "7")
    lines = galop("keys", "list").stdout.splitlines()
    assert len(lines) == 3
    assert f"{secret_key[:12]}..." in lines[1]
    assert "active" in lines[1]
    assert lines[2] == "group team: rpd 7"
    everything = galop("keys", "list", "--all").stdout
    assert re.search(r"^eve .* revoked ", everything, re.MULTILINE)
    assert secret_key not in everything


def test_a_change_names_only_what_is_to_change(galop: Galop) -> None:
    """A name, a prefix or an id finds the key."""
    secret_key = create(galop, "bob", "--rpm", "5", "--expires", "30d")
    line = galop("keys", "change", secret_key[:12], "--name", "rob", "--expires", "never").stdout
    assert re.fullmatch(r"rob \(key_\w+\): rpm 5; every model\n", line)
    assert galop("keys", "change", "rob", "--rpm", "none").stdout.endswith(
        ": no limits of its own; every model\n"
    )


def test_a_rotated_key_has_another_secret_and_may_keep_the_old_one_for_a_while(
    galop: Galop,
) -> None:
    """The limits stay."""
    old = create(galop, "bob", "--rpm", "5")
    result = galop("keys", "rotate", "bob", "--keep-old", "45m")
    assert result.stdout.strip() != old
    assert f"rpm 5; every model; old secret {old[:12]}... until " in result.stderr


def test_a_group_has_limits_that_can_be_taken_away(galop: Galop) -> None:
    """What is not named stays."""
    assert galop("keys", "group", "team", "--rpm", "5", "--tpm", "9").stdout == (
        "group team: rpm 5, tpm 9\n"
    )
    assert galop("keys", "group", "team", "--rpm", "none").stdout == "group team: tpm 9\n"
    assert galop("keys", "group", "team", "--tpm", "none").stdout == "group team: no limits\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "a`b"], "Invalid value for 'NAME': 'a`b' is no name"),
        (["create", "none"], "'none' means something else here"),
        (["create", "x", "--rpm", "many"], "Invalid value for '--rpm': 'many' is neither"),
        (["create", "x", "--tpm", "0"], "Invalid value for '--tpm': '0' is neither"),
        (["create", "x", "--expires", "yesterday"], "Invalid value for '--expires': 'yesterday'"),
        (["create", "x", "--expires", "2020-01-01"], "2020-01-01 is over"),
        (["create"], "Missing argument 'NAME'."),
        (["rotate", "x", "--keep-old", "tomorrow"], "Invalid value for '--keep-old': 'tomorrow'"),
    ],
)
def test_a_wrong_value_is_named_and_nothing_is_made(
    galop: Galop, tmp_path: Path, arguments: list[str], message: str
) -> None:
    """Exit code 2, before the store is opened."""
    result = galop("keys", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "state").exists()


def test_what_the_store_refuses_is_exit_code_1(galop: Galop) -> None:
    """One line: a name that is taken, a key that is not there."""
    create(galop, "bob")
    taken, missing = galop("keys", "create", "bob"), galop("keys", "revoke", "nobody")
    assert (taken.exit_code, missing.exit_code) == (1, 1)
    assert "already" in taken.stderr
    assert "no active key" in missing.stderr
    assert len(missing.stderr.splitlines()) == 1


def test_the_settings_name_the_store(galop: Galop, tmp_path: Path) -> None:
    """A flag or a variable."""
    state = tmp_path / "elsewhere"
    create(galop, "bob", "--state-dir", str(state))
    assert "bob" in galop("keys", "list", env={"GALOP_STATE_DIR": str(state)}).stdout
    with closing(open_store(Settings(state_dir=state))) as store:
        assert store.has_keys()
