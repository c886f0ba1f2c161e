"""The text that formats are measured on."""

from __future__ import annotations

import pytest

from galop.library.embedded import embedded_model_path
from galop.tuning.choice import NUM_PROMPT_TOKENS
from galop.tuning.measure import tuning_text, tuning_tokens


def test_the_tuning_text_is_shipped() -> None:
    """A few kilobytes of prose with some JSON in it."""
    text = tuning_text()
    assert 4000 < len(text) < 6500
    assert '{"station"' in text


@pytest.mark.model
def test_the_text_is_long_enough_for_every_measurement() -> None:
    tokens = tuning_tokens(embedded_model_path())
    assert NUM_PROMPT_TOKENS + 64 < len(tokens) <= 2048
