"""Parameters of `embeddings.create`."""

from __future__ import annotations

from typing import Literal, Required

from typing_extensions import TypedDict

from .._types import SequenceNotStr

__all__ = ["EmbeddingCreateParams"]


class EmbeddingCreateParams(TypedDict, total=False):
    input: Required[str | SequenceNotStr[str]]
    model: Required[str | Literal["nomic-embed-text-v1_5"]]
    encoding_format: Literal["float", "base64"]
    user: str | None
