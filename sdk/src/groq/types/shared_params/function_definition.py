"""A function that a model may call, as a request describes it."""

from __future__ import annotations

from typing import Required

from typing_extensions import TypedDict

from .function_parameters import FunctionParameters

__all__ = ["FunctionDefinition"]


class FunctionDefinition(TypedDict, total=False):
    """`name`: letters, digits, `_` and `-`, at most 64. No `parameters` means no arguments."""

    name: Required[str]
    description: str
    parameters: FunctionParameters
    strict: bool
