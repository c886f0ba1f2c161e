"""What `galop tune` stored for a model, as the server needs it.

Imports little: settings are resolved before the rest of the server is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedWeights:
    """The weights and threads that were measured to be fastest for a model on this machine."""

    format_name: str
    """Weight format, such as `q4_1`."""
    tuned_on: str
    """ISO date of the measurement."""
    path: Path | None
    """The converted file; None where the file as shipped is the fastest."""
    digest: str
    """Hash of the weights: changes when they do. Empty where the file as shipped is used."""
    threads_by_rows: Mapping[int, int]
    """Rows of a batch to threads; empty where it was measured for another number of threads."""


def find_tuned(model: Path, cache_directory: Path, num_threads: int) -> TunedWeights | None:
    """The stored result; None if there is none that can be used (a warning says why not)."""
    from galop.tuning import store  # imports msgspec and hashes files: not for every command

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
