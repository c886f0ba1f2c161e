"""Uploads: what a caller may pass as a file, turned into what httpx takes.

The only part of request building that reads: a path is read when the call is made.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from ._types import FileTypes, Omit


def is_file_content(value: object) -> bool:
    return isinstance(value, (bytes, bytearray, tuple, io.IOBase, os.PathLike)) or hasattr(
        value, "read"
    )


def file_from_path(path: str) -> FileTypes:
    """The content of the file at `path`, with its name, ready to be uploaded."""
    return os.path.basename(path), Path(path).read_bytes()


def to_httpx_file(file: Any) -> Any:  # the accepted union is FileTypes; httpx's is as wide
    """Read a path, keep bytes and streams, keep name, content type and headers of a tuple."""
    if isinstance(file, os.PathLike):
        path = Path(file)
        return path.name, path.read_bytes()
    if isinstance(file, tuple):
        name, content, *rest = file
        return (name, _read(content), *rest)
    if is_file_content(file):
        return file
    raise TypeError(
        f"Expected bytes, an open file, a path or a tuple, but received {type(file).__name__}"
    )


def _read(content: Any) -> IO[bytes] | bytes:
    if isinstance(content, os.PathLike):
        return Path(content).read_bytes()
    if isinstance(content, (bytes, bytearray)):
        return bytes(content)
    if hasattr(content, "read"):
        stream: IO[bytes] = content
        return stream
    raise TypeError(f"Expected file content, but received {type(content).__name__}")


class ForceMultipart(dict[str, Any]):
    """Files that are none: httpx would send an empty dict's form urlencoded."""

    def __bool__(self) -> bool:
        return True


def is_replayable(files: Any) -> bool:
    """Whether the upload can be sent a second time: bytes can, a pipe cannot."""
    items = files.values() if isinstance(files, Mapping) else [file for _, file in files]
    for file in items:
        content = file[1] if isinstance(file, tuple) else file
        if hasattr(content, "read"):
            seekable = getattr(content, "seekable", None)
            if seekable is None or not seekable():
                return False
    return True


def form_fields(parameters: Mapping[str, object]) -> dict[str, object]:
    """Form fields out of call parameters: lists become `name[]`, None and not-given vanish."""
    fields: dict[str, object] = {}
    for name, value in parameters.items():
        if value is None or isinstance(value, Omit):
            continue
        if isinstance(value, (list, tuple)):
            fields[f"{name}[]"] = list(value)
        else:
            fields[name] = value
    return fields
