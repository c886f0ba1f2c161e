"""Checks of the machine: versions, cores, open files, directories, addresses."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from galop import __version__
from galop.cli.doctor.finding import Finding, size_text
from galop.config.settings import Settings, default_cache_directory
from galop.host import available_cores, cpu_quota

PACKAGES = ("llama-cpp-python", "llguidance", "msgspec", "starlette", "uvicorn", "numpy")
ENOUGH_OPEN_FILES = 1024
ENOUGH_FREE_BYTES = 1024**3
CONNECT_TIMEOUT_S = 3


def check_packages() -> Iterator[Finding]:
    """A problem for every package that is missing, then the versions of the others."""
    versions = [f"galop {__version__}", f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            yield Finding("versions", "problem", f"{name} is not installed", "pip install galop")
    yield Finding("versions", "ok", ", ".join(versions))


def check_cores() -> Iterator[Finding]:
    """The usable cores, and a warning if other programs use more than half of them."""
    cores, quota = available_cores(), cpu_quota()
    limit = "" if quota is None else f", CPU quota {quota:g}"
    yield Finding("cores", "ok", f"{cores} of {os.cpu_count()} usable{limit}")
    load = os.getloadavg()[0]
    if load > cores / 2:
        yield Finding(
            "load",
            "warning",
            f"other programs keep {load:.1f} cores busy",
            "answers will be slower; stop them, or give the server fewer with --threads",
        )


def open_files_limit() -> int:
    """How many files this process may have open at once; `resource.RLIM_INFINITY` for no limit."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def check_open_files(limit: int) -> Finding:
    """Whether the limit allows for many clients."""
    if limit == resource.RLIM_INFINITY:
        return Finding("open files", "ok", "no limit")
    text = f"at most {limit}; every client takes one"
    if limit >= ENOUGH_OPEN_FILES:
        return Finding("open files", "ok", text)
    advice = "raise it: ulimit -n, or LimitNOFILE= in the systemd unit"
    return Finding("open files", "warning", text, advice)


def check_cache(settings: Settings) -> Finding:
    """Whether `galop tune` could store a converted model."""
    directory = settings.cache_dir or default_cache_directory()
    place = writable_place(directory)
    if place is None:
        advice = "only `galop tune` needs that; name another one with --cache-dir"
        return Finding("cache", "warning", f"{directory} cannot be written to", advice)
    free_bytes = shutil.disk_usage(place).free
    text = f"{directory} can be written to, {size_text(free_bytes)} free"
    if free_bytes < ENOUGH_FREE_BYTES:
        return Finding("cache", "warning", text, "free some")
    return Finding("cache", "ok", text)


def writable_place(directory: Path) -> Path | None:
    """The directory, or the nearest existing one above it. None if that cannot be written to."""
    nearest = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    is_writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    return nearest if is_writable else None


def check_address(settings: Settings) -> Finding:
    """Listen on the address for a moment."""
    from galop.serving.server import PortTakenError, listen

    try:
        listen(settings.host, settings.port, client_timeout_s=settings.client_timeout).close()
    except PortTakenError as error:
        return Finding("address", "problem", str(error), "choose another one with --port")
    return Finding("address", "ok", f"{settings.host} port {settings.port} is free")


def check_collector(settings: Settings) -> Iterator[Finding]:
    """Connect to the collector of traces, if the settings name one."""
    endpoint = settings.otlp_endpoint
    parts = urlsplit(endpoint or "")
    if endpoint is None or not parts.hostname:
        return
    address = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection(address, timeout=CONNECT_TIMEOUT_S).close()
    except OSError as error:
        advice = "requests are answered all the same; traces are lost"
        yield Finding("traces", "warning", f"no collector at {endpoint}: {error}", advice)
    else:
        yield Finding("traces", "ok", f"a collector listens at {endpoint}")
