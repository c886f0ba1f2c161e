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


def test_few_open_files_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every client takes one."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    assert host.check_open_files().verdict == "warning"
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, 0))
    assert host.check_open_files().verdict == "ok"
