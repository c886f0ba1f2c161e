"""Stores the result of tuning in the cache directory: a JSON file (the record), and the converted weights.

The key in their names is a hash of model file, build of llama.cpp and CPU, so a result is never used for
others. Files are renamed when they are complete, the weights before the record that refers to them.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import msgspec

from galop.backends.llama.library import llama
from galop.tuning.errors import CacheDirectoryError, TuningInProgressError
from galop.tuning.formats import AS_SHIPPED, FORMATS

logger = logging.getLogger("galop.backends.llama")

_SAMPLE_BYTES = 1 << 20
_WORK_PREFIX = ".tuning-"
_LONGEST_RECORD = 1 << 20

Count = Annotated[int, msgspec.Meta(ge=1, le=4096)]


class MeasuredFormat(msgspec.Struct, frozen=True, kw_only=True):
    """The measurements of one format, for people who read the file. Ratios are over the file as shipped."""

    format: str
    size_bytes: int
    score: float
    """See `choice`."""
    prefill: float
    """Ratio of prompt tokens per second."""
    decode: dict[int, float]
    """Rows of a batch to the ratio of tokens per second."""
    added_perplexity: float
    """0.01 is 1 %."""
    is_deterministic: bool
    """See `choice.Candidate`."""


class TuningRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="tuning-1"):
    """The result of `galop tune`, as stored."""

    key: str
    """See `tuning_key`."""
    source_name: str
    """The name of the model file."""
    host: str
    """See `host_description`."""
    tuned_on: str
    """ISO date."""
    format: str
    """A name of `FORMATS`, or `AS_SHIPPED`."""
    weights_digest: str | None
    """`file_digest` of the converted file; None for the file as shipped."""
    num_threads: Count
    """The most that were used."""
    threads_by_rows: dict[Count, Count]
    """Rows of a batch to threads."""
    measured: list[MeasuredFormat]
    """The file as shipped first."""


class StoredTuning(msgspec.Struct, frozen=True):
    """A record and the weights to load."""

    record: TuningRecord
    weights: Path | None
    """None for the file as shipped."""


def file_digest(path: Path) -> str:
    """A hash of a file's size, first MiB and last MiB. Hashing all of it would take seconds."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.sha256(str(size).encode())
        digest.update(file.read(_SAMPLE_BYTES))
        file.seek(max(0, size - _SAMPLE_BYTES))
        digest.update(file.read())
    return digest.hexdigest()


def host_description() -> str:
    """CPU model, llama.cpp's version, and the instruction sets it was built for."""
    build = llama.llama_print_system_info().decode("utf-8", "replace").strip()
    return f"{_cpu_model()}; llama-cpp-python {version('llama-cpp-python')}; {build}"


def tuning_key(source: Path, host: str) -> str:
    """The key of a model on a host (`host_description`), for names of files."""
    return hashlib.sha256(f"{file_digest(source)}\0{host}".encode()).hexdigest()[:16]


def record_path(directory: Path, key: str) -> Path:
    return directory / f"tuned-{key}.json"


def weights_path(directory: Path, key: str, format_name: str) -> Path:
    return directory / f"tuned-{key}-{format_name.lower()}.gguf"


def load(directory: Path, source: Path, *, host: str | None = None) -> StoredTuning | None:
    """The stored result for a model on this host, None if there is none. Logs a warning that names the
    file if one cannot be used."""
    try:
        key = tuning_key(source, host or host_description())
    except OSError:
        return None  # loading the model will raise a better error
    try:
        record = _read(record_path(directory, key), key)
        weights = None if record is None else _weights_of(directory, record)
    except _UnusableError as error:
        logger.warning("ignoring %s; run `galop tune` again", error)
        return None
    return None if record is None else StoredTuning(record, weights)


class _UnusableError(Exception):
    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(f"{path}: {reason}")


def _read(path: Path, key: str) -> TuningRecord | None:
    try:
        with path.open("rb") as file:
            record = msgspec.json.decode(file.read(_LONGEST_RECORD), type=TuningRecord)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _UnusableError(path, error.strerror or error) from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _UnusableError(path, f"not a result of `galop tune`: {error}") from error
    if record.key != key:
        raise _UnusableError(path, "it belongs to another model or machine")
    if record.format != AS_SHIPPED and record.format.lower() not in FORMATS:
        raise _UnusableError(path, f"{record.format!r} is no weight format")
    return record


def _weights_of(directory: Path, record: TuningRecord) -> Path | None:
    """The converted file; None for the file as shipped. Raises `_UnusableError` if it is not the measured
    one."""
    if record.format == AS_SHIPPED:
        return None
    path = weights_path(directory, record.key, record.format)
    try:
        digest = file_digest(path)
    except OSError as error:
        raise _UnusableError(path, error.strerror or error) from error
    if digest != record.weights_digest:
        raise _UnusableError(path, "it is not the file that was measured")
    return path


@contextmanager
def work_directory(directory: Path) -> Iterator[Path]:
    """A temporary directory for incomplete files, removed at the end. One process at a time has one.

    Raises `CacheDirectoryError` or `TuningInProgressError`.
    """
    with _errors_of(directory):
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory, os.O_RDONLY)
    try:
        _lock(lock, directory)
        for left_over in directory.glob(f"{_WORK_PREFIX}*"):  # of a process that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        with _errors_of(directory):
            work = tempfile.TemporaryDirectory(prefix=_WORK_PREFIX, dir=directory)
        with work:
            yield Path(work.name)
    finally:
        os.close(lock)


@contextmanager
def _errors_of(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CacheDirectoryError(directory, error.strerror or str(error)) from error


def _lock(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            raise TuningInProgressError(directory) from None
        # The file system has no locks: other processes are not kept out, but no file is damaged.


def save(directory: Path, work: Path, record: TuningRecord, weights: Path | None) -> Path:
    """Move the chosen weights (from `work`) and the record into place, and remove earlier weights.

    A server that uses the earlier weights has them mapped into its memory, and keeps them.
    Raises `CacheDirectoryError`.
    """
    path = record_path(directory, record.key)
    target = weights_path(directory, record.key, record.format)
    with _errors_of(directory):
        draft = work / "record.json"
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
        if weights is not None:
            weights.replace(target)
        draft.replace(path)
        for former in directory.glob(f"tuned-{record.key}-*.gguf"):
            if former != target or weights is None:
                former.unlink(missing_ok=True)
    return path


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
