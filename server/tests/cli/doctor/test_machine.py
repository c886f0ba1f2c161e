"""Checks of the machine."""

from __future__ import annotations

import resource
import socket
from pathlib import Path

import pytest

from galop.cli.doctor import machine
from galop.cli.doctor.machine import check_address, check_cache, check_collector, writable_place
from galop.config.settings import Settings


def test_the_usable_cores_are_named() -> None:
    """Whatever else is found."""
    first = next(machine.check_cores())
    assert first.verdict == "ok"
    assert "usable" in first.text


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [(256, "warning"), (1023, "warning"), (1024, "ok"), (resource.RLIM_INFINITY, "ok")],
)
def test_few_open_files_are_a_warning(limit: int, verdict: str) -> None:
    """Every client takes one."""
    assert machine.check_open_files(limit).verdict == verdict


def test_a_directory_that_does_not_exist_is_judged_by_the_one_above(tmp_path: Path) -> None:
    """It can be made there."""
    assert writable_place(tmp_path / "a" / "b") == tmp_path
    assert not (tmp_path / "a").exists()


def test_a_cache_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    """Serving does not need it."""
    (tmp_path / "file").touch()
    finding = check_cache(Settings(cache_dir=tmp_path / "file" / "cache"))
    assert finding.verdict == "warning"
    assert "--cache-dir" in finding.advice


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


def test_without_a_collector_nothing_is_checked() -> None:
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
