"""Names that other packages import from the published client's `_compat`. Pydantic 2 only."""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeVar, get_args, get_origin

import pydantic
from pydantic import ConfigDict

PYDANTIC_V1 = False

_ModelT = TypeVar("_ModelT", bound=pydantic.BaseModel)


def model_dump(model: pydantic.BaseModel, **kwargs: Any) -> dict[str, Any]:
    return model.model_dump(**kwargs)


def model_json(model: pydantic.BaseModel, *, indent: int | None = None) -> str:
    return model.model_dump_json(indent=indent)


def model_copy(model: _ModelT, *, deep: bool = False) -> _ModelT:
    return model.model_copy(deep=deep)


def parse_obj(model: type[_ModelT], value: object) -> _ModelT:
    return model.model_validate(value)


model_parse = parse_obj

__all__ = [
    "PYDANTIC_V1",
    "ConfigDict",
    "cached_property",
    "get_args",
    "get_origin",
    "model_copy",
    "model_dump",
    "model_json",
    "model_parse",
    "parse_obj",
]
