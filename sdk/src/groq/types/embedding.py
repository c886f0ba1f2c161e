"""One embedded text."""

from typing import Literal

from .._models import BaseModel

__all__ = ["Embedding"]


class Embedding(BaseModel):
    """`embedding` is a list of floats, or base64 text if that was asked for."""

    embedding: list[float] | str
    index: int
    object: Literal["embedding"]
