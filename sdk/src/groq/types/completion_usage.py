"""What one completion cost. API reference: `usage`."""

from .._models import BaseModel

__all__ = ["CompletionTokensDetails", "CompletionUsage", "PromptTokensDetails"]


class CompletionTokensDetails(BaseModel):
    reasoning_tokens: int


class PromptTokensDetails(BaseModel):
    cached_tokens: int


class CompletionUsage(BaseModel):
    """Token counts, and seconds spent; `total_time` leaves the queue out."""

    completion_tokens: int
    prompt_tokens: int
    total_tokens: int
    completion_time: float | None = None
    completion_tokens_details: CompletionTokensDetails | None = None
    prompt_time: float | None = None
    prompt_tokens_details: PromptTokensDetails | None = None
    queue_time: float | None = None
    total_time: float | None = None
