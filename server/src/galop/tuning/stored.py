"""Finds the result of `galop tune` for a model when the server starts.

Imports little: settings are resolved before the rest of the server is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedWeights:
    """The fastest weights and numbers of threads for a model on this machine."""

    format_name: str
    """Weight format, such as `q4_1`."""
    tuned_on: str
    """ISO date of the measurement."""
    path: Path | None
    """The converted file; None if the file as shipped is the fastest."""
    digest: str
    """`store.file_digest` of the converted file; empty without one."""
    threads_by_rows: Mapping[int, int]
    """Rows of a batch to threads; empty if it was measured with another `num_threads`."""


def find_tuned(model: Path, cache_directory: Path, num_threads: int) -> TunedWeights | None:
    """The stored result for a model; None if there is none. A warning is logged if one cannot be used."""
    from galop.tuning import store  # imports llama.cpp, which not every command needs

    stored = store.load(cache_directory, model)
    if stored is None:
        return None
    record = stored.record
    has_same_threads = record.num_threads == num_threads
    return TunedWeights(
        format_name=record.format,
        tuned_on=record.tuned_on,
        path=stored.weights,
        digest=record.weights_digest or "",
        threads_by_rows=record.threads_by_rows if has_same_threads else {},
    )
