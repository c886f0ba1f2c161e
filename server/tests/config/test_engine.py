"""The configuration of the engine process."""

from __future__ import annotations

from pathlib import Path

from galop.config.engine import engine_config
from galop.config.models import ServedModel
from galop.config.settings import Settings
from galop.host import available_cores
from galop.tuning.stored import TunedWeights

TUNED = TunedWeights(
    format_name="Q8_0",
    tuned_on="2026-11-23",
    path=Path("/cache/q8_0.gguf"),
    digest="a",
    threads_by_rows={1: 2},
)


def test_the_settings_become_the_engines_configuration() -> None:
    """One sequence per slot."""
    settings = Settings(max_sequences=3, context_window=512, prefill_chunk=64, threads=1)
    config = engine_config(settings, ServedModel(source="m.gguf", name="m"))
    assert (config.model, config.num_slots, config.context_window) == ("m.gguf", 3, 512)
    assert (config.prefill_chunk, config.num_threads, config.threads_by_rows) == (64, 1, {})


def test_tuned_weights_and_threads_are_used() -> None:
    """The engine loads the converted copy."""
    config = engine_config(Settings(), ServedModel(source="m.gguf", name="m", tuned=TUNED))
    assert config.model == "/cache/q8_0.gguf"
    assert config.threads_by_rows == {1: 2}


def test_without_a_setting_every_usable_core_computes() -> None:
    """As many threads as cores."""
    config = engine_config(Settings(), ServedModel(source="scripted:x", name="m"))
    assert config.num_threads == available_cores()
