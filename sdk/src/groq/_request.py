"""From call arguments to bytes and URLs. Pure: reads no file, opens no connection.

The body is encoded in one pass by the C encoder of `json`; a hook turns the few objects that JSON
does not know (pydantic messages, generators, dates) into what it knows, when it meets one. There
is no walk over the types of the parameters: no parameter of this API is renamed on its way.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from ._types import NOT_GIVEN, NotGiven, Omit, PostParser


@dataclass(slots=True)
class FinalRequestOptions:
    """Everything about one call that does not depend on the client.

    `json_data` is the body before encoding, `extra_json` is merged over it and wins. `files` makes
    the body multipart. `url` is a path below the base URL, or absolute.
    """

    method: str
    url: str
    params: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str | Omit] | NotGiven = NOT_GIVEN
    max_retries: int | NotGiven = NOT_GIVEN
    timeout: float | httpx.Timeout | None | NotGiven = NOT_GIVEN
    files: Any | None = None  # httpx's own file types, see _files
    idempotency_key: str | None = None
    post_parser: PostParser | NotGiven = NOT_GIVEN
    follow_redirects: bool | None = None
    content: Any | None = None  # bytes, or a stream that can be sent once
    json_data: object | None = None
    extra_json: Mapping[str, object] | None = None
    accepts_text: bool = False  # the operation may answer with plain text
    chunk_type: Any = None  # what the events of a stream decode to, if its class does not say

    def get_max_retries(self, max_retries: int) -> int:
        """The number of retries for this call, `max_retries` being the client's."""
        if isinstance(self.max_retries, NotGiven):
            return max_retries
        return self.max_retries


class _NeedsWalk(Exception):
    """The body holds a not-given value, or something that can be read only once.

    Raised before anything is read, so that the walk finds it unread.
    """


def encode_json(body: object) -> bytes:
    """Compact UTF-8 JSON of `body`.

    Raises TypeError for a value that JSON has no form for, ValueError for NaN and Infinity; both
    name the parameter.
    """
    try:
        try:
            text = _encode(body)
        except _NeedsWalk:
            text = _encode(without_not_given(body))
    except (TypeError, ValueError) as error:
        name = _refused_parameter(body)
        if name is None:
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"`{name}`: {error}") from error
    try:
        return text.encode()
    except UnicodeEncodeError:  # a lone surrogate: JSON can say it, but only escaped
        return json.dumps(json.loads(text), separators=(",", ":")).encode()


def _refused_parameter(body: object) -> str | None:
    """The first entry of a body that cannot be encoded."""
    for name, value in body.items() if isinstance(body, Mapping) else ():
        try:
            _encode(value)
        except _NeedsWalk:
            continue
        except (TypeError, ValueError):
            return str(name)
    return None


# One encoder for all calls: json.dumps would build one per call (15 us for a short body).
_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=lambda value: _plain(value)
).encode


def _plain(value: Any) -> object:
    """What JSON has for an object that the encoder does not know; called by the encoder."""
    if isinstance(value, (Omit, Iterator)):
        raise _NeedsWalk
    fields = getattr(value, "__request_fields__", None)
    if fields is not None and not isinstance(value, type):
        # A message out of an answer goes back as what a request may contain.
        return value.model_dump(mode="json", exclude_unset=True, include=fields)
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None:
        if isinstance(value, pydantic.BaseModel):
            return value.model_dump(mode="json", exclude_unset=True)
        if isinstance(value, type) and issubclass(value, pydantic.BaseModel):
            raise TypeError(
                f"{value.__name__} is a class, not a value. Pass it as `response_format=`, or use"
                " `chat.completions.parse(response_format=...)` to get an instance of it back."
            )
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray, memoryview)):
        return list(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def without_not_given(value: object) -> object:
    """`value` without its not-given entries, and with iterators read into lists, at any depth."""
    if isinstance(value, Mapping):
        return {k: without_not_given(v) for k, v in value.items() if not isinstance(v, Omit)}
    if isinstance(value, (list, tuple, Iterator)):
        return [without_not_given(item) for item in value if not isinstance(item, Omit)]
    return value


def normalize_base_url(base_url: str | httpx.URL) -> httpx.URL:
    """The base below which the resources add `/openai/v1/...`.

    People give the host, the host with `/openai`, or with `/openai/v1`; all mean the same. Any
    other path is kept, and ends in a slash.
    """
    url = httpx.URL(base_url)
    path = url.path
    trimmed = path.rstrip("/")
    for suffix in ("/openai/v1", "/openai"):
        if trimmed.endswith(suffix):
            trimmed = trimmed[: -len(suffix)]
            return url.copy_with(path=trimmed + "/")
    return url if path.endswith("/") else url.copy_with(path=path + "/")


def path_template(template: str, /, **parameters: object) -> str:
    """Fill `{name}` in `template`, percent-encoding each value, slashes included.

    Raises ValueError for an empty value: `/models/` is another route than `/models/{model}`.
    """
    encoded = {}
    for name, value in parameters.items():
        text = str(value)
        if not text:
            raise ValueError(f"Expected a non-empty value for `{name}` but received {value!r}")
        encoded[name] = quote(text, safe="")
    return template.format(**encoded)


def merge_headers(
    *layers: Mapping[str, str | Omit],
) -> dict[str, str]:
    """Later layers win, case-insensitively; a value of `omit` removes the header."""
    merged: dict[str, tuple[str, str]] = {}
    for layer in layers:
        for name, value in layer.items():
            if isinstance(value, Omit):
                merged.pop(name.lower(), None)
            else:
                merged[name.lower()] = (name, value)
    return dict(merged.values())


def parse_custom_headers(text: str) -> dict[str, str]:
    """Headers out of `GROQ_CUSTOM_HEADERS`: one `Name: value` a line; other lines are ignored."""
    headers = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip():
            headers[name.strip()] = value.strip()
    return headers
