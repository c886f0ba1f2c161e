"""`galop serve` where it does not come to serving; the rest is in e2e/."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from server.tests.cli.conftest import Galop


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "/no/such/file.gguf"], "--model: no such file: /no/such/file.gguf"),
        (["--compat", "groq-2023"], "--compat: 'groq-2023' is not one of default, groq-2024"),
        (["--model", "scripted:x", "--alias", "nonsense"], "--alias: 'nonsense' is not NAME=MODEL"),
        (["--tls-cert", "/c.pem"], "--tls-key: is needed beside --tls-cert"),
        (["--cors-origin", "x"], "--cors-origin: 'x' is neither"),
        (["scripted"], "Got unexpected extra argument (scripted)"),
    ],
)
def test_wrong_usage_ends_before_an_engine_is_started(
    galop: Galop, arguments: list[str], message: str
) -> None:
    """Exit code 2."""
    result = galop("serve", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_taken_port_is_exit_code_1_with_advice(galop: Galop) -> None:
    """One line; the engine process is gone."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = galop("serve", "--model", "scripted:", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert result.stderr.startswith("galop: cannot listen on 127.0.0.1 port ")
    assert result.stderr.endswith("Try another one with --port.\n")
