"""Directories that can be written to."""

from __future__ import annotations

from pathlib import Path

from galop.cli.doctor.directories import check_cache, writable_place
from galop.config.settings import Settings


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
