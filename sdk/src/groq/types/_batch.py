"""A batch of completions: one shape, answered by all four batch operations."""

from typing import Any, Literal

from .._models import BaseModel


class ErrorsData(BaseModel):
    code: str | None = None
    line: int | None = None
    message: str | None = None
    param: str | None = None


class Errors(BaseModel):
    data: list[ErrorsData] | None = None
    object: str | None = None


class RequestCounts(BaseModel):
    completed: int
    failed: int
    total: int


class Batch(BaseModel):
    """Times are Unix seconds, None for what has not happened."""

    id: str
    completion_window: str
    created_at: int
    endpoint: str
    input_file_id: str
    object: Literal["batch"]
    status: Literal[
        "validating",
        "failed",
        "in_progress",
        "finalizing",
        "completed",
        "expired",
        "cancelling",
        "cancelled",
    ]
    cancelled_at: int | None = None
    cancelling_at: int | None = None
    completed_at: int | None = None
    error_file_id: str | None = None
    errors: Errors | None = None
    expired_at: int | None = None
    expires_at: int | None = None
    failed_at: int | None = None
    finalizing_at: int | None = None
    in_progress_at: int | None = None
    metadata: Any = None
    output_file_id: str | None = None
    request_counts: RequestCounts | None = None
