"""Finds what `galop tune` stored for a model, in the words of `ServedModel`."""

from __future__ import annotations

from pathlib import Path

from galop.app.served_model import TunedWeights
from galop.llama.tuning import store


def find_tuned(model: Path, cache_directory: Path, num_threads: int) -> TunedWeights | None:
    """The stored result, None if there is none that can be used (a warning says why not)."""
    stored = store.load(cache_directory, model)
    if stored is None:
        return None
    record = stored.record
    is_same_machine = record.num_threads == num_threads
    return TunedWeights(
        format_name=record.format,
        tuned_on=record.tuned_on,
        path=stored.weights,
        digest=record.weights_digest or "",
        threads_by_rows=record.threads_by_rows if is_same_machine else {},
    )
