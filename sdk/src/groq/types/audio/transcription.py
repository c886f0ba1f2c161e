"""Speech turned into text in its own language."""

from ..._models import BaseModel

__all__ = ["Transcription"]


class Transcription(BaseModel):
    """With `response_format="verbose_json"` there are more fields, such as `segments`."""

    text: str
