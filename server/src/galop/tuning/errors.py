"""Errors of tuning.

TuningError
├── CacheDirectoryError     the cache directory cannot be written
├── DiskFullError           the converted file does not fit on its disk
├── ConversionError         llama.cpp could not convert the file
├── ContextTooShortError    the model's context window is too short for the measurement
└── TuningInProgressError   another `galop tune` uses the same cache directory
"""

from __future__ import annotations

from pathlib import Path


class TuningError(Exception):
    """Base of the errors of tuning. The text is one line for a person."""


class CacheDirectoryError(TuningError):
    """The cache directory cannot be written."""

    def __init__(self, directory: Path, reason: str) -> None:
        super().__init__(f"cannot write to the cache directory {directory}: {reason}")
        self.directory = directory
        self.reason = reason


class DiskFullError(TuningError):
    """The converted file needs more bytes than the disk has free."""

    def __init__(self, directory: Path, needed_bytes: int, free_bytes: int) -> None:
        super().__init__(
            f"{directory} has {free_bytes / 1e6:,.0f} MB free and {needed_bytes / 1e6:,.0f} MB are "
            "needed; choose another place with --cache-dir or fewer --formats"
        )
        self.directory = directory
        self.needed_bytes = needed_bytes
        self.free_bytes = free_bytes


class ConversionError(TuningError):
    """llama.cpp could not convert the file."""

    def __init__(self, format_name: str, reason: str) -> None:
        super().__init__(f"the weights could not be converted to {format_name}: {reason}")
        self.format_name = format_name
        self.reason = reason


class ContextTooShortError(TuningError):
    """The model's context window is too short for the measurement."""

    def __init__(self, context_window: int, num_tokens_needed: int) -> None:
        super().__init__(
            f"the model was trained for {context_window} tokens and {num_tokens_needed} are needed "
            "to measure"
        )
        self.context_window = context_window
        self.num_tokens_needed = num_tokens_needed


class TuningInProgressError(TuningError):
    """Another tuning runs; each would slow down the measurements of the other."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"another `galop tune` is at work in {directory}")
        self.directory = directory
