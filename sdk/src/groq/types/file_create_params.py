"""Parameters of `files.create`."""

from __future__ import annotations

from typing import Literal, Required

from typing_extensions import TypedDict

from .._types import FileTypes

__all__ = ["FileCreateParams"]


class FileCreateParams(TypedDict, total=False):
    file: Required[FileTypes]
    purpose: Required[Literal["batch"]]
