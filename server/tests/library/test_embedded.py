"""Where the embedded model is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from galop.library import embedded


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package without a model."""
    folder = tmp_path / embedded.PACKAGE
    folder.mkdir()
    (folder / "__init__.py").write_text("raise AssertionError")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, embedded.PACKAGE, raising=False)
    return folder


def test_the_model_is_the_gguf_file_of_the_package(package: Path) -> None:
    """The package itself is not imported."""
    (package / "model.gguf").touch()
    assert embedded.embedded_model_path() == package / "model.gguf"


def test_a_package_without_a_model_is_an_error_with_advice(package: Path) -> None:
    """Both ways out are named."""
    with pytest.raises(embedded.EmbeddedModelMissingError, match=r"pip install.*--model"):
        embedded.embedded_model_path()


def test_no_package_is_the_same_error(package: Path) -> None:
    """`galop` can be installed without it."""
    (package / "__init__.py").unlink()
    package.rmdir()
    with pytest.raises(embedded.EmbeddedModelMissingError):
        embedded.embedded_model_path()
