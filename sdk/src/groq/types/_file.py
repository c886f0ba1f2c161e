"""An uploaded file, as the file operations describe it."""

from typing import Literal

from .._models import BaseModel


class FileDescription(BaseModel):
    id: str | None = None
    bytes: int | None = None
    created_at: int | None = None
    filename: str | None = None
    object: Literal["file"] | None = None
    purpose: Literal["batch", "batch_output"] | None = None
