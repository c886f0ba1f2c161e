"""Refuses files that are not GGUF files before llama.cpp reads them: it may abort the process.

Reads only the fixed part of the header (GGUF specification, versions 2 and 3): magic, version, number of
tensors, number of metadata entries.
"""

from __future__ import annotations

import struct
from pathlib import Path

from galop.backends.llama.errors import ModelFileError

_HEADER = struct.Struct("<4sIQQ")
_SUPPORTED_VERSIONS = (2, 3)
_MAX_TENSORS = 1 << 20
_MAX_METADATA = 1 << 20


def check_gguf(path: Path) -> None:
    """Raises `ModelFileError` with the reason if the file does not start as a GGUF model does."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER.size)
    except OSError as error:
        raise ModelFileError(path, error.strerror or str(error)) from error
    if len(header) < _HEADER.size:
        raise ModelFileError(path, f"only {len(header)} bytes long, not a GGUF model")
    magic, version, num_tensors, num_metadata = _HEADER.unpack(header)
    if magic != b"GGUF":
        raise ModelFileError(path, f"not a GGUF model: it starts with {magic!r}")
    if version not in _SUPPORTED_VERSIONS:
        raise ModelFileError(path, f"GGUF version {version} is not supported")
    if not 0 < num_tensors < _MAX_TENSORS or not 0 < num_metadata < _MAX_METADATA:
        raise ModelFileError(
            path, f"no model: {num_tensors} tensors and {num_metadata} metadata entries"
        )
