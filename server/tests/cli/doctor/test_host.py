"""What the operating system gives."""

from __future__ import annotations

import resource

import pytest

from galop.cli.doctor import host


def test_the_usable_cores_are_named() -> None:
    """Whatever else is found."""
    first = next(host.check_cores())
    assert first.verdict == "ok"
    assert "usable" in first.text


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [(256, "warning"), (1023, "warning"), (1024, "ok"), (resource.RLIM_INFINITY, "ok")],
)
def test_few_open_files_are_a_warning(limit: int, verdict: str) -> None:
    """Every client takes one."""
    assert host.check_open_files(limit).verdict == verdict
