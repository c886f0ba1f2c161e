"""Types that several requests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import lazy_exports

if TYPE_CHECKING:
    from .function_definition import FunctionDefinition
    from .function_parameters import FunctionParameters

_EXPORTS = {
    "FunctionDefinition": "function_definition",
    "FunctionParameters": "function_parameters",
    "function_definition": "",
    "function_parameters": "",
}

if not TYPE_CHECKING:  # for a checker the names are those imported above
    __getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)

__all__ = [
    "FunctionDefinition",
    "FunctionParameters",
]
