"""Converts the weights of a model file to another format.

llama.cpp's converter prints a line per tensor, cannot be interrupted and may abort the process, so it
runs in a process of its own (`convert_process`).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from galop.tuning.errors import ConversionError, DiskFullError
from galop.tuning.formats import WeightFormat

_COMMAND = (sys.executable, "-m", "galop.tuning.convert_process")
_SPARE_BYTES = 16 * 1024 * 1024
"""Bytes for vocabulary and metadata. A disk with fewer free bytes counts as full."""


def convert(
    source: Path, target: Path, weight_format: WeightFormat, *, num_weights: int, num_threads: int
) -> None:
    """Write the converted file `target`. Removes it if the conversion fails or is interrupted.

    Raises `DiskFullError` or `ConversionError`.
    """
    needed = weight_format.most_bytes(num_weights) + _SPARE_BYTES
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise DiskFullError(target.parent, needed, free)
    arguments = [str(source), str(target), str(weight_format.ftype), str(num_threads)]
    try:
        result = subprocess.run(
            [*_COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        if result.returncode == 0:
            return
        free = shutil.disk_usage(target.parent).free
        if free < _SPARE_BYTES:
            raise DiskFullError(target.parent, needed, free)
        raise ConversionError(weight_format.name, _reason(result))
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _reason(result: subprocess.CompletedProcess[str]) -> str:
    if result.returncode < 0:
        return f"the converter was ended by signal {-result.returncode}"
    lines = result.stderr.strip().splitlines()
    return lines[-1] if lines else f"the converter ended with {result.returncode}"
