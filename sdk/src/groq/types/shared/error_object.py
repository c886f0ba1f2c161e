"""The inner object of an error answer."""

from ..._models import BaseModel

__all__ = ["Debug", "ErrorObject"]


class Debug(BaseModel):
    input_token_ids: list[int] | None = None
    input_tokens: list[str] | None = None
    output_token_ids: list[int] | None = None
    output_tokens: list[str] | None = None


class ErrorObject(BaseModel):
    """`failed_generation` is what the model wrote when its output was refused."""

    message: str
    type: str
    code: str | None = None
    debug: Debug | None = None
    failed_generation: str | None = None
    param: str | None = None
    schema_code: str | None = None
    schema_kind: str | None = None
    schema_path: str | None = None
    schema_path_segments: list[str] | None = None
