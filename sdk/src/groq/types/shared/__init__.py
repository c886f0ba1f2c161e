"""Types that several answers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import lazy_exports

if TYPE_CHECKING:
    from .error_object import ErrorObject
    from .function_definition import FunctionDefinition
    from .function_parameters import FunctionParameters

_EXPORTS = {
    "ErrorObject": "error_object",
    "FunctionDefinition": "function_definition",
    "FunctionParameters": "function_parameters",
    "error_object": "",
    "function_definition": "",
    "function_parameters": "",
}

if not TYPE_CHECKING:  # for a checker the names are those imported above
    __getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)

__all__ = [
    "ErrorObject",
    "FunctionDefinition",
    "FunctionParameters",
]
