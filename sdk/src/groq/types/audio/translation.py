"""Speech turned into English text."""

from ..._models import BaseModel

__all__ = ["Translation"]


class Translation(BaseModel):
    text: str
