"""The base of every response type: pydantic, closed to nothing.

Servers grow fields and change enum values before clients are upgraded, so an answer is *read*,
not judged. The fast way is pydantic-core's strict `validate_json`; whatever it refuses is built by
`construct`, which keeps every value as it came and never raises on shape. Strict, because the lax
mode would turn "1" into 1 where the lenient way keeps "1": both ways must agree.
"""

from __future__ import annotations

import datetime
import json
import types
import typing
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, Literal, Self, TypeVar, Union, cast, get_args, get_origin

import pydantic
from pydantic import ConfigDict, TypeAdapter, ValidationError

from ._rate_limit import RateLimit
from ._request import FinalRequestOptions
from ._types import ModelT

_T = TypeVar("_T")


class BaseModel(pydantic.BaseModel):
    """A decoded object of the API. Unknown fields are kept and readable as attributes.

    Calling the class validates, `construct` does not; answers are built so that neither an
    unknown field nor an unexpected value nor a missing one is an error.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", defer_build=True)

    __request_fields__: ClassVar[frozenset[str] | None] = None
    """Set where an answer may be sent back in a request: the fields a request may contain."""

    @property
    def _request_id(self) -> str | None:
        """The server's id of the request that this object answers, for reports and logs."""
        return _header(self, b"x-request-id")

    @property
    def _rate_limit(self) -> RateLimit | None:
        """The allowance left after this answer, if the server sent it."""
        headers = self.__dict__.get("__response_headers__")
        if headers is None:
            return None
        return RateLimit.from_headers({k.decode().lower(): v.decode() for k, v in headers})

    def to_dict(
        self,
        *,
        mode: Literal["json", "python"] = "python",
        use_api_names: bool = True,
        exclude_unset: bool = True,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        warnings: bool = True,
    ) -> dict[str, object]:
        """The fields that were sent, as plain data. `mode="json"` makes every value JSON-ready."""
        return self.model_dump(
            mode=mode,
            by_alias=use_api_names,
            exclude_unset=exclude_unset,
            exclude_defaults=exclude_defaults,
            exclude_none=exclude_none,
            warnings=warnings,
        )

    def to_json(
        self,
        *,
        indent: int | None = 2,
        use_api_names: bool = True,
        exclude_unset: bool = True,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        warnings: bool = True,
    ) -> str:
        """The fields that were sent, as JSON text."""
        return self.model_dump_json(
            indent=indent,
            by_alias=use_api_names,
            exclude_unset=exclude_unset,
            exclude_defaults=exclude_defaults,
            exclude_none=exclude_none,
            warnings=warnings,
        )

    def __str__(self) -> str:
        return repr(self)

    @classmethod
    def construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """Build without validation: values of the expected shape become models, others stay."""
        return cast(Self, _construct_model(cls, values, _fields_set))

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """The same as `construct`; pydantic's own would leave nested objects as dicts."""
        return cast(Self, _construct_model(cls, values, _fields_set))


def _header(model: BaseModel, name: bytes) -> str | None:
    for key, value in model.__dict__.get("__response_headers__", ()):
        if key.lower() == name:
            return cast(bytes, value).decode()
    return None


def attach_headers(model: BaseModel, raw_headers: list[tuple[bytes, bytes]]) -> None:
    """Remember the response headers for `_request_id` and `_rate_limit`.

    In `__dict__` under a name that is no field: serialization, equality and repr look at fields
    only, and a private attribute of pydantic would cost a Python call per nested object.
    """
    model.__dict__["__response_headers__"] = raw_headers


# --------------------------------------------------------------------------- the lenient way


@lru_cache(maxsize=1024)
def _field_plan(cls: type[pydantic.BaseModel]) -> dict[str, tuple[str, Any, Any, bool]]:
    """name -> (key on the wire, annotation, FieldInfo, is required)."""
    if not cls.__pydantic_complete__:
        cls.model_rebuild(raise_errors=False)
    return {
        name: (info.alias or name, info.annotation, info, info.is_required())
        for name, info in cls.model_fields.items()
    }


def _construct_model(cls: Any, values: Mapping[str, Any], fields_set: set[str] | None) -> Any:
    model = cls.__new__(cls)
    attributes: dict[str, Any] = {}
    given: set[str] = set()
    plan = _field_plan(cls)
    taken: set[str] = set()
    for name, (key, annotation, info, is_required) in plan.items():
        if key not in values and name in values:
            key = name
        if key in values:
            taken.add(key)
            given.add(name)
            attributes[name] = construct_type(value=values[key], type_=annotation)
        elif not is_required:
            attributes[name] = info.get_default(call_default_factory=True)
        else:
            attributes[name] = None
    extra = {key: value for key, value in values.items() if key not in taken}
    object.__setattr__(model, "__dict__", attributes)
    if cls.model_config.get("extra") != "allow":  # a caller's own model
        extra = {}
    object.__setattr__(model, "__pydantic_fields_set__", fields_set or {*given, *extra})
    object.__setattr__(model, "__pydantic_extra__", extra)
    object.__setattr__(model, "__pydantic_private__", None)
    return model


def construct_type(*, value: object, type_: Any, metadata: object = None) -> Any:
    """`value` as `type_` where its shape allows, itself where not. Never raises on shape."""
    origin = get_origin(type_)
    if origin is typing.Annotated:
        return construct_type(value=value, type_=get_args(type_)[0])
    if origin is Union or origin is types.UnionType:
        return _construct_union(value, type_)
    if origin is list and isinstance(value, list):
        (item_type,) = get_args(type_) or (Any,)
        return [construct_type(value=item, type_=item_type) for item in value]
    if origin is dict and isinstance(value, Mapping):
        _, item_type = get_args(type_) or (Any, Any)
        return {key: construct_type(value=item, type_=item_type) for key, item in value.items()}
    if isinstance(type_, type):
        if issubclass(type_, pydantic.BaseModel) and isinstance(value, Mapping):
            return _construct_model(type_, value, None)
        if type_ is float and type(value) is int:
            return float(value) if float(value) == value else value
        if type_ in (datetime.datetime, datetime.date) and isinstance(value, str):
            return _validated(value, type_, fallback=value)
    return value


def _construct_union(value: object, type_: Any) -> Any:
    if value is None:
        return None
    sentinel = object()
    validated = _validated(value, type_, fallback=sentinel)
    if validated is not sentinel:
        return validated
    for variant in get_args(type_):
        if variant is type(None):
            continue
        built = construct_type(value=value, type_=variant)
        if built is not value:
            return built
    return value


@lru_cache(maxsize=1024)
def _adapter(type_: Any) -> TypeAdapter[Any]:
    return TypeAdapter(type_)


def _validated(value: object, type_: Any, *, fallback: object) -> Any:
    try:
        return _adapter(type_).validate_python(value)
    except (ValidationError, pydantic.PydanticSchemaGenerationError):
        return fallback


def validate_type(*, type_: type[_T], value: object) -> _T:
    """`value` validated as `type_`; raises pydantic's ValidationError."""
    return cast(_T, _adapter(cast(Any, type_)).validate_python(value))


def construct_type_unchecked(*, value: object, type_: type[_T]) -> _T:
    return cast(_T, construct_type(value=value, type_=type_))


def build(base_model_cls: type[ModelT], **values: Any) -> ModelT:
    return cast(ModelT, construct_type(value=values, type_=base_model_cls))


# --------------------------------------------------------------------------- the fast way


@lru_cache(maxsize=1024)
def json_validator(cls: type[pydantic.BaseModel]) -> Any:
    """pydantic-core's `validate_json` for `cls`, built once (classes defer their build)."""
    if not cls.__pydantic_complete__:
        cls.model_rebuild()
    return cls.__pydantic_validator__.validate_json


def model_from_json(cls: type[pydantic.BaseModel], content: bytes | str) -> Any:
    """Decode one JSON object as `cls`, leniently.

    Returns whatever the JSON is if it is no object; raises ValueError if it is no JSON.
    """
    try:
        return json_validator(cls)(content, strict=True)
    except ValidationError:
        return construct_type(value=json.loads(content), type_=cls)


BaseModel.__module__ = "groq"

__all__ = [
    "BaseModel",
    "FinalRequestOptions",
    "build",
    "construct_type",
    "construct_type_unchecked",
    "json_validator",
    "model_from_json",
    "validate_type",
]
