"""Parameters of `audio.transcriptions.create`."""

from __future__ import annotations

from typing import Literal, Required

from typing_extensions import TypedDict

from ..._types import FileTypes

__all__ = ["TranscriptionCreateParams"]


class TranscriptionCreateParams(TypedDict, total=False):
    """Exactly one of `file` and `url`. `language` is an ISO-639-1 code such as "en"."""

    model: Required[str | Literal["whisper-large-v3", "whisper-large-v3-turbo"]]
    file: FileTypes
    language: str
    prompt: str
    response_format: Literal["json", "text", "verbose_json"]
    temperature: float
    timestamp_granularities: list[Literal["word", "segment"]]
    url: str
