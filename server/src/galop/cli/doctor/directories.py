"""Whether directories can be written to, and have room."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from galop.cli.doctor.finding import Finding, size_text
from galop.config.settings import Settings, default_cache_directory

ENOUGH_FREE_BYTES = 1024**3


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
