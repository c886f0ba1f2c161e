"""Names that other packages import from the published client's `_utils`; nothing here uses it.

Each is the plain thing its name says. The request walk (`maybe_transform`) has nothing to rename
in this API and only drops what was not given.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeGuard, TypeVar

from .._files import file_from_path
from .._request import path_template, without_not_given
from .._types import NotGiven, Omit

T = TypeVar("T")
CallableT = TypeVar("CallableT", bound=Callable[..., Any])

lru_cache = functools.lru_cache


def is_given(value: T | NotGiven | Omit) -> TypeGuard[T]:
    return not isinstance(value, Omit)


def is_dict(value: object) -> TypeGuard[dict[object, object]]:
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def is_tuple(value: object) -> TypeGuard[tuple[object, ...]]:
    return isinstance(value, tuple)


def is_mapping(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping)


def is_sequence(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence)


def is_iterable(value: object) -> TypeGuard[Iterable[object]]:
    return isinstance(value, Iterable)


is_mapping_t = is_mapping
is_sequence_t = is_sequence
is_tuple_t = is_tuple


def strip_not_given(value: Any) -> Any:
    """A mapping without its not-given values; anything else as it is."""
    if not isinstance(value, Mapping):
        return value
    return {key: item for key, item in value.items() if not isinstance(item, Omit)}


def maybe_transform(data: object, expected_type: object) -> Any:
    return None if data is None else without_not_given(data)


async def async_maybe_transform(data: object, expected_type: object) -> Any:
    return maybe_transform(data, expected_type)


transform = maybe_transform
async_transform = async_maybe_transform


def required_args(*variants: Sequence[str]) -> Callable[[CallableT], CallableT]:
    """Raise TypeError unless a call gives every argument of at least one variant."""

    def decorate(function: CallableT) -> CallableT:
        names = list(inspect.signature(function).parameters)

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            given = {*names[: len(args)], *kwargs}
            if not any(given.issuperset(variant) for variant in variants):
                wanted = " or ".join(str(tuple(variant)) for variant in variants)
                raise TypeError(f"Missing required arguments; expected {wanted}")
            return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]  # wraps() keeps the signature

    return decorate


def coerce_boolean(value: str) -> bool:
    return value in ("true", "1", "on")


coerce_integer = int
coerce_float = float


def removeprefix(text: str, prefix: str) -> str:
    return text.removeprefix(prefix)


def removesuffix(text: str, suffix: str) -> str:
    return text.removesuffix(suffix)


def get_required_header(headers: Mapping[str, str], header: str) -> str:
    for name, value in headers.items():
        if name.lower() == header.lower() and isinstance(value, str):
            return value
    raise ValueError(f"Could not find {header} header")


def flatten(values: Iterable[Iterable[T]]) -> list[T]:
    return [item for value in values for item in value]


__all__ = [
    "async_maybe_transform",
    "async_transform",
    "coerce_boolean",
    "coerce_float",
    "coerce_integer",
    "file_from_path",
    "flatten",
    "get_required_header",
    "is_dict",
    "is_given",
    "is_iterable",
    "is_list",
    "is_mapping",
    "is_mapping_t",
    "is_sequence",
    "is_sequence_t",
    "is_tuple",
    "is_tuple_t",
    "lru_cache",
    "maybe_transform",
    "path_template",
    "removeprefix",
    "removesuffix",
    "required_args",
    "strip_not_given",
    "transform",
]
