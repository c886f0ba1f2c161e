"""From response bodies to objects. Pure. The first import of pydantic happens through here.

Resources name their result types lazily (`LazyType`), so that a process writes its first request
before it pays for building pydantic models: the import then hides behind the network.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, get_args, get_origin

import httpx

from ._exceptions import APIResponseValidationError


class LazyType:
    """The name of a class, to be imported when its first object is decoded."""

    __slots__ = ("_type", "module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name
        self._type: Any = None

    @property
    def is_loaded(self) -> bool:
        return self._type is not None

    def load(self) -> Any:
        if self._type is None:
            self._type = getattr(import_module(self.module), self.name)
        return self._type

    def __repr__(self) -> str:
        return f"<lazy {self.module}.{self.name}>"


def resolve(type_: Any) -> Any:
    """The class behind a lazy name; anything else is returned as it is."""
    return type_.load() if type(type_) is LazyType else type_


def needs_loading(type_: Any) -> bool:
    return type(type_) is LazyType and not type_.is_loaded


def preload(type_: Any) -> None:
    """Import the class and build its validator now."""
    from ._models import json_validator

    resolved = resolve(type_)
    if _is_model(resolved):
        json_validator(resolved)


def _is_model(type_: Any) -> bool:
    import pydantic

    return isinstance(type_, type) and issubclass(type_, pydantic.BaseModel)


def event_decoders(
    type_: Any, *, strict: bool = False
) -> tuple[Callable[..., Any] | None, Callable[[bytes], Any]]:
    """The fast and the lenient decoder for the events of one stream.

    The fast one, called as `fast(content, strict=True)`, raises ValueError for whatever is not
    exactly as documented; None if there is none for this type. The lenient one raises ValueError
    only for what is no JSON, and returns an error object in place of a chunk as a dict; with
    `strict` it validates.
    """
    from ._models import construct_type, json_validator

    resolved = resolve(type_)

    def lenient(content: bytes) -> Any:
        value = json.loads(content)
        if isinstance(value, Mapping) and value.get("error"):
            return dict(value)
        if strict:
            return json_validator(resolved)(content)
        return construct_type(value=value, type_=resolved)

    return (json_validator(resolved) if _is_model(resolved) else None), lenient


def decode_body(
    response: httpx.Response, type_: Any, *, accepts_text: bool = False, strict: bool = False
) -> Any:
    """The body of a successful response, which has been read, as `type_`.

    `strict` validates instead of reading leniently: a missing field or an unexpected value raises.

    A model is promised: a body that is no JSON object raises APIResponseValidationError. Text is
    returned as text only where the operation may answer with text (`accepts_text`).
    """
    type_ = resolve(type_)
    if type_ is type(None) or type_ is None:
        return None
    if type_ is str:
        return response.text
    if type_ is bytes:
        return response.content
    if isinstance(type_, type) and issubclass(type_, httpx.Response):
        return response
    if type_ in (int, float):
        return type_(response.text)
    if type_ is bool:
        return response.text.lower() == "true"
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = content_type.endswith("json")
    if accepts_text and not is_json:
        return response.text
    if _is_model(type_):
        return _decode_model(response, type_, content_type, strict=strict)
    return _decode_other(response, type_, is_json=is_json)


def _decode_model(response: httpx.Response, model: Any, content_type: str, *, strict: bool) -> Any:
    from ._models import BaseModel, attach_headers, json_validator, model_from_json

    try:
        if strict:
            value = json_validator(model)(response.content)
        else:
            value = model_from_json(model, response.content)
    except ValueError as error:
        raise APIResponseValidationError(
            response,
            response.text,
            message=(
                f"Expected a JSON {model.__name__}, but the body is {content_type or 'no JSON'}:"
                f" {error}"
            ),
        ) from error
    if isinstance(value, BaseModel):
        attach_headers(value, response.headers.raw)
        return value
    if isinstance(value, model):
        return value
    raise APIResponseValidationError(
        response,
        value,
        message=f"Expected a JSON object ({model.__name__}), but received {type(value).__name__}.",
    )


def _decode_other(response: httpx.Response, type_: Any, *, is_json: bool) -> Any:
    from ._models import construct_type

    if not is_json and type_ is not object and get_origin(type_) is None:
        return response.text
    try:
        value = json.loads(response.content)
    except ValueError as error:
        if not is_json:
            return response.text
        raise APIResponseValidationError(response, response.text) from error
    if get_origin(type_) in (list, dict, typing.Union) and not get_args(type_):
        return value
    return construct_type(value=value, type_=type_)
