"""Parameters of `batches.create`."""

from __future__ import annotations

from typing import Literal, Required

from typing_extensions import TypedDict

__all__ = ["BatchCreateParams"]


class BatchCreateParams(TypedDict, total=False):
    """`completion_window` is from "24h" to "7d"; `endpoint` has no `/openai` prefix."""

    completion_window: Required[str]
    endpoint: Required[Literal["/v1/chat/completions"]]
    input_file_id: Required[str]
    metadata: dict[str, str] | None
