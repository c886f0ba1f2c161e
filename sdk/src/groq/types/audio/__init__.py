"""Types of speech and transcription. Every name is loaded on first touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import lazy_exports

if TYPE_CHECKING:
    from .speech_create_params import SpeechCreateParams
    from .transcription import Transcription
    from .transcription_create_params import TranscriptionCreateParams
    from .translation import Translation
    from .translation_create_params import TranslationCreateParams

_EXPORTS = {
    "SpeechCreateParams": "speech_create_params",
    "Transcription": "transcription",
    "TranscriptionCreateParams": "transcription_create_params",
    "Translation": "translation",
    "TranslationCreateParams": "translation_create_params",
    "speech_create_params": "",
    "transcription": "",
    "transcription_create_params": "",
    "translation": "",
    "translation_create_params": "",
}

if not TYPE_CHECKING:  # for a checker the names are those imported above
    __getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)

__all__ = [
    "SpeechCreateParams",
    "Transcription",
    "TranscriptionCreateParams",
    "Translation",
    "TranslationCreateParams",
]
