"""Parameters of `audio.speech.create`."""

from __future__ import annotations

from typing import Literal, Required

from typing_extensions import TypedDict

__all__ = ["SpeechCreateParams"]


class SpeechCreateParams(TypedDict, total=False):
    """`speed` is from 0.5 to 5."""

    input: Required[str]
    model: Required[str | Literal["playai-tts", "playai-tts-arabic"]]
    voice: Required[str]
    response_format: Literal["flac", "mp3", "mulaw", "ogg", "wav"]
    sample_rate: Literal[8000, 16000, 22050, 24000, 32000, 44100, 48000]
    speed: float
