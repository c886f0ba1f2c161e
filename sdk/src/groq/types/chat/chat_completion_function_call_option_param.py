"""The older form of naming the function to call."""

from __future__ import annotations

from typing import Required

from typing_extensions import TypedDict

__all__ = ["ChatCompletionFunctionCallOptionParam"]


class ChatCompletionFunctionCallOptionParam(TypedDict, total=False):
    name: Required[str]
