"""Tuned weights in the settings and in the fingerprint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from galop.config.fingerprint import fingerprint
from galop.config.models import ServedModel
from galop.config.settings import Settings, default_cache_directory
from galop.tuning.stored import TunedWeights

SETTINGS = Settings()


@pytest.fixture
def model(tmp_path: Path) -> ServedModel:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights as shipped")
    return ServedModel(source=str(path), name="model")


def tuned(path: Path | None, digest: str) -> TunedWeights:
    return TunedWeights(
        format_name="Q8_0" if path else "as shipped",
        tuned_on="2026-11-23",
        path=path,
        digest=digest,
        threads_by_rows={1: 1},
    )


@pytest.mark.model
def test_the_fingerprint_changes_with_the_weights_that_are_served(model: ServedModel) -> None:
    """Also between two conversions to the same format."""
    converted = Path("/cache/q8_0.gguf")
    fingerprints = {
        fingerprint(SETTINGS, model),
        fingerprint(SETTINGS, replace(model, tuned=tuned(converted, "a"))),
        fingerprint(SETTINGS, replace(model, tuned=tuned(converted, "b"))),
    }
    assert len(fingerprints) == 3


@pytest.mark.model
def test_the_fingerprint_does_not_change_with_threads(model: ServedModel) -> None:
    """The same weights give the same bits on any number of them."""
    assert fingerprint(SETTINGS, replace(model, tuned=tuned(None, ""))) == fingerprint(
        SETTINGS, model
    )


def test_the_engine_loads_the_converted_file(model: ServedModel) -> None:
    """While the model's own file stays the source of vocabulary and template."""
    converted = replace(model, tuned=tuned(Path("/cache/q8_0.gguf"), "a"))
    assert converted.weights == "/cache/q8_0.gguf"
    assert str(converted.path) == model.source
    assert replace(model, tuned=tuned(None, "")).weights == model.source
    assert model.weights == model.source


@pytest.mark.parametrize(
    ("value", "expected"),
    [("/somewhere", "/somewhere/galop"), ("", "~/.cache/galop"), ("relative", "~/.cache/galop")],
)
def test_the_cache_is_where_the_user_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: str
) -> None:
    """XDG Base Directory Specification: a relative path counts as unset."""
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert default_cache_directory() == Path(expected).expanduser()
