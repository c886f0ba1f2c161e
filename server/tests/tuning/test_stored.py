"""The stored result as the server gets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from galop.tuning.formats import AS_SHIPPED
from galop.tuning.store import (
    TuningRecord,
    file_digest,
    host_description,
    save,
    tuning_key,
    weights_path,
    work_directory,
)
from galop.tuning.stored import find_tuned


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights as shipped")
    return path


def store(cache: Path, source: Path, format_name: str) -> TuningRecord:
    """A result of this machine, measured with two threads."""
    host = host_description()
    with work_directory(cache) as work:
        weights = work / "x.gguf"
        weights.write_bytes(b"converted")
        is_converted = format_name != AS_SHIPPED
        record = TuningRecord(
            key=tuning_key(source, host),
            source_name=source.name,
            host=host,
            tuned_on="2026-11-23",
            format=format_name,
            weights_digest=file_digest(weights) if is_converted else None,
            num_threads=2,
            threads_by_rows={1: 1, 8: 2},
            measured=[],
        )
        save(cache, work, record, weights if is_converted else None)
    return record


def test_converted_weights_are_found_with_their_digest(tmp_path: Path, source: Path) -> None:
    record = store(tmp_path / "cache", source, "Q8_0")
    tuned = find_tuned(source, tmp_path / "cache", 2)
    assert tuned is not None
    assert tuned.path == weights_path(tmp_path / "cache", record.key, "Q8_0")
    assert (tuned.format_name, tuned.tuned_on) == ("Q8_0", "2026-11-23")
    assert tuned.digest == record.weights_digest


def test_the_file_as_shipped_has_no_weights_and_no_digest(tmp_path: Path, source: Path) -> None:
    store(tmp_path / "cache", source, AS_SHIPPED)
    tuned = find_tuned(source, tmp_path / "cache", 2)
    assert tuned is not None
    assert (tuned.path, tuned.digest) == (None, "")


@pytest.mark.parametrize(("num_threads", "table"), [(2, {1: 1, 8: 2}), (4, {})])
def test_threads_are_used_if_they_were_measured_with_as_many(
    tmp_path: Path, source: Path, num_threads: int, table: dict[int, int]
) -> None:
    store(tmp_path / "cache", source, "Q8_0")
    tuned = find_tuned(source, tmp_path / "cache", num_threads)
    assert tuned is not None
    assert tuned.threads_by_rows == table


def test_without_a_result_there_is_none(tmp_path: Path, source: Path) -> None:
    assert find_tuned(source, tmp_path / "cache", 2) is None
