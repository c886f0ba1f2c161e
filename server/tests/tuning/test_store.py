"""Results in the cache directory, and files there that cannot be used."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from galop.tuning.errors import CacheDirectoryError, TuningInProgressError
from galop.tuning.formats import AS_SHIPPED
from galop.tuning.store import (
    TuningRecord,
    file_digest,
    load,
    record_path,
    save,
    tuning_key,
    weights_path,
    work_directory,
)

HOST = "a machine"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights as shipped")
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def record(source: Path, format_name: str, weights: Path | None) -> TuningRecord:
    return TuningRecord(
        key=tuning_key(source, HOST),
        source_name=source.name,
        host=HOST,
        tuned_on="2026-11-23",
        format=format_name,
        weights_digest=file_digest(weights) if weights else None,
        num_threads=2,
        threads_by_rows={1: 1, 8: 2},
        measured=[],
    )


def store(cache: Path, source: Path, format_name: str = "Q8_0") -> TuningRecord:
    """Save converted weights and a record."""
    with work_directory(cache) as work:
        weights = work / "x.gguf"
        weights.write_bytes(b"converted to " + format_name.encode())
        saved = record(source, format_name, weights)
        save(cache, work, saved, weights)
    return saved


def test_a_saved_result_is_found(cache: Path, source: Path) -> None:
    """With its weights. The directory has no other files."""
    saved = store(cache, source)
    stored = load(cache, source, host=HOST)
    assert stored is not None
    assert stored.record == saved
    assert stored.weights == weights_path(cache, saved.key, "Q8_0")
    assert len(list(cache.iterdir())) == 2


def test_tuning_again_replaces_the_former_weights(cache: Path, source: Path) -> None:
    """The directory has one converted file."""
    store(cache, source, "Q8_0")
    saved = store(cache, source, "BF16")
    names = {path.name for path in cache.iterdir()}
    assert names == {f"tuned-{saved.key}.json", f"tuned-{saved.key}-bf16.gguf"}


def test_the_file_as_shipped_can_be_the_result(cache: Path, source: Path) -> None:
    """Then there are no weights; earlier ones are removed."""
    store(cache, source)
    with work_directory(cache) as work:
        save(cache, work, record(source, AS_SHIPPED, None), None)
    stored = load(cache, source, host=HOST)
    assert stored is not None
    assert stored.weights is None
    assert len(list(cache.iterdir())) == 1


def test_another_model_or_host_finds_nothing(cache: Path, source: Path) -> None:
    """Without a warning: it is the usual case."""
    store(cache, source)
    assert load(cache, source, host="another machine") is None
    source.write_bytes(b"weights of tomorrow")
    assert load(cache, source, host=HOST) is None


def test_no_directory_is_no_result(cache: Path, source: Path) -> None:
    """It is not created."""
    assert load(cache, source, host=HOST) is None
    assert not cache.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b'{"record": "tuning-1"}',
        b'{"record": "something else"}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
    ],
)
def test_a_corrupt_result_is_ignored_with_a_warning_that_names_it(
    cache: Path, source: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """No error is raised."""
    saved = store(cache, source)
    path = record_path(cache, saved.key)
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert load(cache, source, host=HOST) is None
    assert str(path) in caplog.text


def test_a_result_of_another_model_under_this_name_is_ignored(
    cache: Path, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As after files were copied between machines."""
    saved = store(cache, source)
    path = record_path(cache, saved.key)
    path.write_text(path.read_text().replace(saved.key, "0" * 16))
    assert load(cache, source, host=HOST) is None
    assert "another model" in caplog.text


@pytest.mark.parametrize("name", ["../../etc/passwd", "Q3_X"])
def test_an_unknown_format_is_ignored(
    cache: Path, source: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Paths of weights contain known names only."""
    saved = store(cache, source)
    path = record_path(cache, saved.key)
    path.write_text(path.read_text().replace("Q8_0", name))
    assert load(cache, source, host=HOST) is None
    assert "no weight format" in caplog.text


def test_weights_that_are_missing_or_cut_are_not_used(
    cache: Path, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a full disk, or after files were deleted."""
    saved = store(cache, source)
    weights = weights_path(cache, saved.key, "Q8_0")
    weights.write_bytes(b"conv")
    assert load(cache, source, host=HOST) is None
    weights.unlink()
    assert load(cache, source, host=HOST) is None
    assert caplog.text.count(str(weights)) == 2


def test_the_digest_sees_size_and_both_ends(tmp_path: Path) -> None:
    """Not the middle: reading all of a large model takes seconds."""
    path = tmp_path / "large"
    digests = set()
    for content in (b"a" * 5_000_000, b"a" * 5_000_001, b"b" + b"a" * 4_999_999):
        path.write_bytes(content)
        digests.add(file_digest(path))
    path.write_bytes(b"a" * 4_999_999 + b"b")
    digests.add(file_digest(path))
    assert len(digests) == 4


def test_an_interrupted_tuning_leaves_nothing(cache: Path) -> None:
    """Incomplete files are removed."""

    def interrupted() -> None:
        with work_directory(cache) as work:
            (work / "half.gguf").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(cache.iterdir()) == []


def test_files_of_a_killed_tuning_are_removed_by_the_next(cache: Path) -> None:
    """A killed process cannot remove them."""
    left_over = cache / ".tuning-abc"
    left_over.mkdir(parents=True)
    (left_over / "half.gguf").write_bytes(b"half")
    with work_directory(cache):
        assert not left_over.exists()


def test_only_one_tuning_runs_at_a_time(cache: Path) -> None:
    """Each would slow down the measurements of the other."""
    with (
        work_directory(cache),
        pytest.raises(TuningInProgressError, match="another"),
        work_directory(cache),
    ):
        pass


def test_a_directory_that_cannot_be_created_is_an_error_of_one_line(tmp_path: Path) -> None:
    """With the path and the reason of the operating system."""
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(CacheDirectoryError, match="file/cache"),
        work_directory(tmp_path / "file/cache"),
    ):
        pass
