"""A tool that the model may call."""

from __future__ import annotations

from typing import Literal, Required

from typing_extensions import TypedDict

from ..shared_params.function_definition import FunctionDefinition

__all__ = ["ChatCompletionToolParam"]


class ChatCompletionToolParam(TypedDict, total=False):
    """`function` is needed where `type` is "function"."""

    type: Required[Literal["function", "browser_search", "code_interpreter"] | str]
    function: FunctionDefinition
