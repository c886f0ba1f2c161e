"""The answer to deleting a file."""

from typing import Literal

from .._models import BaseModel

__all__ = ["FileDeleteResponse"]


class FileDeleteResponse(BaseModel):
    id: str
    deleted: bool
    object: Literal["file"]
