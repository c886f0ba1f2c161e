"""Keeps the result of tuning in the cache directory: one JSON file, and the chosen weights beside it.

The key says which model file, which build of llama.cpp and which CPU was measured, so a result can be
missing but not wrong. Files appear under their names complete (rename), the weights before the JSON
file that speaks of them.
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
from galop.tuning.errors import CacheDirectoryError, TuningRunsError
from galop.tuning.formats import AS_SHIPPED, FORMATS

logger = logging.getLogger("galop.backends.llama")

_SAMPLE_BYTES = 1 << 20
_WORK_PREFIX = ".tuning-"
_LONGEST_RECORD = 1 << 20

Count = Annotated[int, msgspec.Meta(ge=1, le=4096)]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table, for whoever reads the file."""

    format: str
    size_bytes: int
    score: float
    prefill: float
    decode: dict[int, float]
    """Times as fast as shipped, by rows."""
    added_perplexity: float
    is_deterministic: bool


class TuningRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="tuning-1"):
    """What `galop tune` found out."""

    key: str
    source_name: str
    host: str
    tuned_on: str
    """ISO date."""
    format: str
    """A name of `FORMATS`, or `AS_SHIPPED`."""
    weights_digest: str | None
    """`file_digest` of the converted file; None for the file as shipped."""
    num_threads: Count
    threads_by_rows: dict[Count, Count]
    measured: list[Measured]


class Stored(msgspec.Struct, frozen=True):
    """A record and the weights to load."""

    record: TuningRecord
    weights: Path | None
    """None for the file as shipped."""


def file_digest(path: Path) -> str:
    """Identifies a model file by its size, its first and its last MiB: milliseconds, not seconds."""
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
    """Names the files that belong to a model on a host."""
    return hashlib.sha256(f"{file_digest(source)}\0{host}".encode()).hexdigest()[:16]


def record_path(directory: Path, key: str) -> Path:
    return directory / f"tuned-{key}.json"


def weights_path(directory: Path, key: str, format_name: str) -> Path:
    return directory / f"tuned-{key}-{format_name.lower()}.gguf"


def load(directory: Path, source: Path, *, host: str | None = None) -> Stored | None:
    """The stored result for a model on this host. A file that cannot be used is ignored with a
    warning that names it."""
    try:
        key = tuning_key(source, host or host_description())
    except OSError:
        return None  # loading the model will say it better
    try:
        record = _read(record_path(directory, key), key)
        weights = None if record is None else _weights_of(directory, record)
    except _UnusableError as error:
        logger.warning("ignoring %s; `galop tune` makes it anew", error)
        return None
    return None if record is None else Stored(record, weights)


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
    """The converted file, checked to be the one that was measured."""
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
    """A place for files in the making, gone afterwards whatever happens; one user at a time.

    Raises `CacheDirectoryError` and `TuningRunsError`.
    """
    with _errors_of(directory):
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory, os.O_RDONLY)
    try:
        _lock(lock, directory)
        for left_over in directory.glob(f"{_WORK_PREFIX}*"):  # of one that was killed
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
            raise TuningRunsError(directory) from None
        # A file system without locks: then nobody else is kept out, and nothing worse.


def save(directory: Path, work: Path, record: TuningRecord, weights: Path | None) -> Path:
    """Move the chosen weights (from `work`) and the record into place; drop the former ones.

    A server that runs on the former weights keeps them: they are mapped into its memory.
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
