"""`galop config`."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from galop.cli.config import toml_value

if TYPE_CHECKING:
    from server.tests.cli.conftest import Galop


@pytest.mark.parametrize(
    "value", [True, 7, 0.5, "", 'a "quoted" \\ word', "tab\tand\x7fand\u00e9", ["a", 1], []]
)
def test_a_toml_value_is_read_back_as_the_same(value: object) -> None:
    """Whatever characters are in it."""
    assert tomllib.loads(f"x = {toml_value(value)}") == {"x": value}


def test_a_secret_is_not_shown(galop: Galop) -> None:
    """Only that there is one, and where it comes from."""
    result = galop("config", "show", env={"GALOP_LEDGER_URL": "postgresql://u:s3cret@host/x"})
    assert "s3cret" not in result.stdout
    assert "# ledger_url is set and secret; environment (GALOP_LEDGER_URL)" in result.stdout


def test_an_origin_is_shown_for_every_setting(galop: Galop) -> None:
    """Default, environment or flag."""
    lines = galop("config", "show", "--port", "9000", env={"GALOP_HOST": "::1"}).stdout.splitlines()
    assert "port = 9000  # flag (--port)" in lines
    assert 'host = "::1"  # environment (GALOP_HOST)' in lines
    assert "metrics = true  # default" in lines
    assert "# model is not set" in lines


def test_check_looks_at_what_the_settings_mean(galop: Galop) -> None:
    """Exit code 0 with the model's name, 2 with the reason."""
    fine = galop("config", "check", "--model", "scripted:x", "--model-name", "m")
    assert (fine.exit_code, fine.stdout) == (0, "no file: fine; the model is m\n")
    wrong = galop("config", "check", "--model", "scripted:x", "--alias", "a=b")
    assert wrong.exit_code == 2
    assert "Invalid value for --alias: 'b' is not served here" in wrong.stderr
    missing = galop("config", "check", "--model", "/no/such/file.gguf")
    assert missing.exit_code == 2
    assert "no such file: /no/such/file.gguf" in missing.stderr


def test_check_warns_of_variables_that_are_no_settings(galop: Galop) -> None:
    """Other programs may have set them."""
    result = galop("config", "check", "--model", "scripted:x", env={"GALOP_PROT": "9000"})
    assert result.exit_code == 0
    assert "galop: warning: GALOP_PROT: there is no such variable; did you mean GALOP_PORT?" in (
        result.stderr
    )
