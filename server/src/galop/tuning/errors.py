"""Why tuning could not be done.

TuningError
├── CacheDirectoryError   the cache directory cannot be written
├── DiskFullError         the converted file does not fit there
├── ConversionError       llama.cpp could not make the converted file
├── NothingToTuneError    the model is too small a thing to measure
└── TuningRunsError       another `galop tune` works in the same cache directory
"""

from __future__ import annotations

from pathlib import Path


class TuningError(Exception):
    """Base of all of them; the text is one line for a person."""


class CacheDirectoryError(TuningError):
    """Nothing can be written there."""

    def __init__(self, directory: Path, reason: str) -> None:
        super().__init__(f"cannot write to the cache directory {directory}: {reason}")
        self.directory = directory
        self.reason = reason


class DiskFullError(TuningError):
    """The converted file needs more room than there is."""

    def __init__(self, directory: Path, needed_bytes: int, free_bytes: int) -> None:
        super().__init__(
            f"{directory} has {free_bytes / 1e6:,.0f} MB free and {needed_bytes / 1e6:,.0f} MB are "
            "needed; choose another place with --cache-dir or fewer --formats"
        )
        self.directory = directory
        self.needed_bytes = needed_bytes
        self.free_bytes = free_bytes


class ConversionError(TuningError):
    """llama.cpp's converter failed."""

    def __init__(self, format_name: str, reason: str) -> None:
        super().__init__(f"the weights could not be converted to {format_name}: {reason}")
        self.format_name = format_name
        self.reason = reason


class NothingToTuneError(TuningError):
    """The model's window is too short for the measurement."""

    def __init__(self, context_window: int, needed: int) -> None:
        super().__init__(
            f"the model was trained for {context_window} tokens and {needed} are needed to measure"
        )
        self.context_window = context_window
        self.needed = needed


class TuningRunsError(TuningError):
    """Two at once would measure each other."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"another `galop tune` is at work in {directory}")
        self.directory = directory
