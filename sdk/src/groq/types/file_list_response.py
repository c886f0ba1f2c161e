"""The files of an account."""

from typing import Literal

from .._models import BaseModel
from ._file import FileDescription

__all__ = ["Data", "FileListResponse"]


class Data(FileDescription):
    """One file of the list."""


class FileListResponse(BaseModel):
    data: list[Data]
    object: Literal["list"]
