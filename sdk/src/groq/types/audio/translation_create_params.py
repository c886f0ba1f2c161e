"""Parameters of `audio.translations.create`."""

from __future__ import annotations

from typing import Literal, Required

from typing_extensions import TypedDict

from ..._types import FileTypes

__all__ = ["TranslationCreateParams"]


class TranslationCreateParams(TypedDict, total=False):
    """Exactly one of `file` and `url`."""

    model: Required[str | Literal["whisper-large-v3", "whisper-large-v3-turbo"]]
    file: FileTypes
    prompt: str
    response_format: Literal["json", "text", "verbose_json"]
    temperature: float
    url: str
