"""The models that the server offers."""

from typing import Literal

from .._models import BaseModel
from .model import Model

__all__ = ["ModelListResponse"]


class ModelListResponse(BaseModel):
    data: list[Model]
    object: Literal["list"]
