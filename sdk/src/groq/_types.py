"""The words that signatures are written in: sentinels, accepted-input unions, request options.

Knows httpx, never pydantic: this module is loaded before the first request is written, and
pydantic costs more than everything else together.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, TypeVar, Union

import httpx
from httpx import URL, AsyncBaseTransport, BaseTransport, Proxy, Response, Timeout

if TYPE_CHECKING:
    from ._models import BaseModel

Transport = BaseTransport
AsyncTransport = AsyncBaseTransport
ProxiesDict = dict[str | URL, None | str | URL | Proxy]
ProxiesTypes = str | Proxy | ProxiesDict
NoneType: type[None] = type(None)

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)
ModelT = TypeVar("ModelT", bound="BaseModel")
ResponseT = TypeVar("ResponseT")

Query = Mapping[str, object]
Body: TypeAlias = object
AnyMapping = Mapping[str, object]
PostParser = Callable[[Any], Any]
StrBytesIntFloat = str | bytes | int | float
IncEx: TypeAlias = "set[int] | set[str] | Mapping[int, IncEx | bool] | Mapping[str, IncEx | bool]"
ArrayFormat = Literal["comma", "repeat", "indices", "brackets"]
NestedFormat = Literal["dots", "brackets"]

if TYPE_CHECKING:
    # A `str` is a sequence of strings, which is never what `stop=` or `input=` means by a list.
    SequenceNotStr: TypeAlias = list[_T] | tuple[_T, ...]
else:
    SequenceNotStr = Sequence

BinaryTypes = bytes | bytearray | IO[bytes] | Iterable[bytes]
AsyncBinaryTypes = bytes | bytearray | IO[bytes] | AsyncIterable[bytes]
PathLike = os.PathLike

FileContent: TypeAlias = Union[IO[bytes], bytes, "os.PathLike[str]"]
Base64FileInput: TypeAlias = Union[IO[bytes], "os.PathLike[str]"]
FileTypes: TypeAlias = (
    FileContent
    | tuple[str | None, FileContent]
    | tuple[str | None, FileContent, str | None]
    | tuple[str | None, FileContent, str | None, Mapping[str, str]]
)
RequestFiles = Mapping[str, FileTypes] | Sequence[tuple[str, FileTypes]]

HttpxFileContent = IO[bytes] | bytes
HttpxFileTypes: TypeAlias = (
    HttpxFileContent
    | tuple[str | None, HttpxFileContent]
    | tuple[str | None, HttpxFileContent, str | None]
    | tuple[str | None, HttpxFileContent, str | None, Mapping[str, str]]
)
HttpxRequestFiles = Mapping[str, HttpxFileTypes] | Sequence[tuple[str, HttpxFileTypes]]


class Omit:
    """Leave a parameter, header or query key out, even where a default would put it in.

    `omit` is its one instance anyone needs; it is falsy. `None` is different: it is sent as null.
    """

    __slots__: tuple[str, ...] = ()

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "omit"

    def __reduce__(self) -> str:
        return "omit"


class NotGiven(Omit):
    """The default of optional parameters: not given, so not sent. Falsy, and not `None`.

    A subclass of Omit so that a signature `X | Omit` admits both sentinels.
    """

    __slots__: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __reduce__(self) -> str:
        return "NOT_GIVEN"


omit: Omit = Omit()
NOT_GIVEN: NotGiven = NotGiven()
not_given: NotGiven = NOT_GIVEN

Headers = Mapping[str, str | Omit]


class HeadersLikeProtocol(httpx.Headers):
    """What the published client calls a header container; httpx.Headers is the one we accept."""


HeadersLike = Headers | HeadersLikeProtocol


class RequestOptions(TypedDict, total=False):
    """Per-request options understood by `client.get/post/...`."""

    headers: Headers
    max_retries: int
    timeout: float | Timeout | None
    params: Query
    extra_json: AnyMapping
    idempotency_key: str
    follow_redirects: bool


class HttpxSendArgs(TypedDict, total=False):
    """Keyword arguments handed to `httpx.Client.send`."""

    auth: httpx.Auth
    follow_redirects: bool


for _public in (Omit, NotGiven, RequestOptions):
    _public.__module__ = "groq"
del _public

__all__ = [
    "NOT_GIVEN",
    "URL",
    "AnyMapping",
    "ArrayFormat",
    "AsyncBaseTransport",
    "AsyncBinaryTypes",
    "AsyncTransport",
    "Base64FileInput",
    "BaseTransport",
    "BinaryTypes",
    "Body",
    "FileContent",
    "FileTypes",
    "Headers",
    "HeadersLike",
    "HeadersLikeProtocol",
    "HttpxFileContent",
    "HttpxFileTypes",
    "HttpxRequestFiles",
    "HttpxSendArgs",
    "IncEx",
    "ModelT",
    "NestedFormat",
    "NoneType",
    "NotGiven",
    "Omit",
    "PathLike",
    "PostParser",
    "ProxiesDict",
    "ProxiesTypes",
    "Proxy",
    "Query",
    "RequestFiles",
    "RequestOptions",
    "Response",
    "ResponseT",
    "SequenceNotStr",
    "StrBytesIntFloat",
    "Timeout",
    "Transport",
    "not_given",
    "omit",
]
