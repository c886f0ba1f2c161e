"""Addresses to listen on and to connect to."""

from __future__ import annotations

import socket

from galop.cli.doctor.network import check_address, check_collector
from galop.config.settings import Settings


def test_a_free_port_is_fine(free_port: str) -> None:
    """It is free again afterwards, too."""
    settings = Settings(port=int(free_port))
    assert check_address(settings).verdict == "ok"
    assert check_address(settings).verdict == "ok"


def test_a_taken_port_is_a_problem_with_advice() -> None:
    """As `galop serve` would find it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        finding = check_address(Settings(port=taken.getsockname()[1]))
    assert finding.verdict == "problem"
    assert "--port" in finding.advice


def test_no_collector_is_looked_for_where_none_is_named() -> None:
    """Traces are off by default."""
    assert list(check_collector(Settings())) == []


def test_a_collector_that_does_not_answer_is_a_warning(free_port: str) -> None:
    """Requests are answered all the same."""
    settings = Settings(otlp_endpoint=f"http://127.0.0.1:{free_port}")
    (finding,) = check_collector(settings)
    assert finding.verdict == "warning"


def test_a_collector_that_listens_is_fine() -> None:
    """A connection is enough: nothing is sent."""
    with socket.socket() as collector:
        collector.bind(("127.0.0.1", 0))
        collector.listen()
        port = collector.getsockname()[1]
        (finding,) = check_collector(Settings(otlp_endpoint=f"http://127.0.0.1:{port}"))
    assert finding.verdict == "ok"
