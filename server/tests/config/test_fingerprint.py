"""What changes the fingerprint of a model."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from galop.config.fingerprint import fingerprint
from galop.config.models import ServedModel
from galop.config.settings import Settings
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


@pytest.mark.model
def test_the_fingerprint_changes_with_the_context_window(model: ServedModel) -> None:
    """A prompt that is cut elsewhere gives another answer."""
    assert fingerprint(Settings(context_window=512), model) != fingerprint(SETTINGS, model)


def test_the_fingerprint_has_the_form_of_the_api() -> None:
    """Also for the model without weights, which has no file."""
    scripted = ServedModel(source="scripted:x", name="m")
    assert re.fullmatch("fp_[0-9a-f]{10}", fingerprint(SETTINGS, scripted))
