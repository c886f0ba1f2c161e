"""A model that the server offers."""

from typing import Literal

from .._models import BaseModel

__all__ = ["Model"]


class Model(BaseModel):
    """Servers add fields such as `context_window`; they are readable as attributes."""

    id: str
    created: int
    object: Literal["model"]
    owned_by: str
