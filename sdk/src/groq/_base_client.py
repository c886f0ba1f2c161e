"""The HTTP side of both clients: headers, URLs, requests, responses.

`BaseClient` computes and never does I/O; `SyncAPIClient` and `AsyncAPIClient` each drive the same
`call_flow` over an httpx client. A subclass may override `auth_headers`, `custom_auth`,
`default_headers`, `_validate_headers`, `_prepare_options` and `_prepare_request`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast, overload

import httpx

from ._call import Discard, Flow, Read, Send, Step, Wait, call_flow, resume_flow
from ._constants import (
    DEFAULT_CONNECTION_LIMITS,
    DEFAULT_MAX_RETRIES,
    DEFAULT_TIMEOUT,
    OVERRIDE_CAST_TO_HEADER,
)
from ._deadline import Deadline, Timeout, check_limits
from ._decode import decode_body, needs_loading, preload
from ._exceptions import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    status_error,
)
from ._faults import is_transport_fault
from ._files import ForceMultipart, form_fields, is_replayable
from ._logging import log, log_finished, log_sending, log_waiting
from ._platform import get_architecture, get_platform, platform_headers
from ._qs import Querystring
from ._request import (
    FinalRequestOptions,
    encode_json,
    merge_headers,
    normalize_base_url,
)
from ._response import (
    APIResponse,
    AsyncAPIResponse,
    AsyncBinaryAPIResponse,
    AsyncStreamedBinaryAPIResponse,
    BaseAPIResponse,
    BinaryAPIResponse,
    StreamedBinaryAPIResponse,
)
from ._retry import RetryPolicy
from ._streaming import AsyncStream, Stream
from ._transport import (
    AsyncPools,
    DefaultAsyncHttpxClient,
    DefaultHttpxClient,
    ReadGovernor,
    SyncPool,
)
from ._types import (
    NOT_GIVEN,
    Body,
    Headers,
    NotGiven,
    Omit,
    PostParser,
    Query,
    RequestFiles,
    RequestOptions,
    ResponseT,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_T = TypeVar("_T")
_StreamT = TypeVar("_StreamT", bound=Stream[Any])
_AsyncStreamT = TypeVar("_AsyncStreamT", bound=AsyncStream[Any])
_HttpxClientT = TypeVar("_HttpxClientT", httpx.Client, httpx.AsyncClient)
_DefaultStreamT = TypeVar("_DefaultStreamT", Stream[Any], AsyncStream[Any])

SyncHttpxClientWrapper = DefaultHttpxClient
AsyncHttpxClientWrapper = DefaultAsyncHttpxClient

HTTPX_DEFAULT_TIMEOUT = httpx.Timeout(5.0)


def make_request_options(
    *,
    query: Query | None = None,
    extra_headers: Headers | None = None,
    extra_query: Query | None = None,
    extra_body: Body | None = None,
    idempotency_key: str | None = None,
    timeout: float | httpx.Timeout | None | NotGiven = NOT_GIVEN,
    post_parser: PostParser | NotGiven = NOT_GIVEN,
) -> RequestOptions:
    """Collect what a resource method was given into request options."""
    options: dict[str, Any] = {}
    if extra_headers is not None:
        options["headers"] = extra_headers
    if extra_body is not None:
        options["extra_json"] = extra_body
    if query is not None or extra_query is not None:
        options["params"] = {**(query or {}), **(extra_query or {})}
    if not isinstance(timeout, NotGiven):
        options["timeout"] = timeout
    if idempotency_key is not None:
        options["idempotency_key"] = idempotency_key
    if not isinstance(post_parser, NotGiven):
        options["post_parser"] = post_parser
    return cast(RequestOptions, options)


class _Plan:
    """One call, made ready: all that does not change between its attempts."""

    __slots__ = (
        "_client",
        "deadline",
        "headers",
        "httpx",
        "is_replayable",
        "options",
        "payload",
        "timeout",
        "timeouts",
        "url",
    )

    def __init__(self, client: BaseClient, options: FinalRequestOptions, http: Any) -> None:
        self._client = client
        self.options = options
        self.httpx = http
        timeout = client.timeout if isinstance(options.timeout, NotGiven) else options.timeout
        self.timeout = timeout
        self.deadline = (
            Deadline(timeout) if isinstance(timeout, Timeout) and timeout.has_deadlines else None
        )
        # httpx2's Timeout has the same interface, and is no httpx.Timeout.
        as_dict = getattr(timeout, "as_dict", None) or httpx.Timeout(timeout).as_dict
        self.timeouts: dict[str, float | None] = as_dict()
        check_limits(self.timeouts)
        self.is_replayable = True
        self.payload = self._encode()
        self.url = client._url_for(options)
        self.headers = client._headers_for(options, self.timeouts, has_body=bool(self.payload))

    def _encode(self) -> dict[str, Any]:
        options = self.options
        if options.content is not None:
            self.is_replayable = isinstance(options.content, (bytes, bytearray, str))
            return {"content": options.content}
        body = options.json_data
        if options.extra_json is not None:
            extra = options.extra_json
            body = {**cast("Mapping[str, object]", body or {}), **extra}
        if options.files is not None:
            self.is_replayable = is_replayable(options.files)
            fields = form_fields(cast("Mapping[str, object]", body or {}))
            return {"data": fields, "files": options.files or ForceMultipart()}
        if body is None:
            return {}
        if isinstance(body, dict):
            body = {name: value for name, value in body.items() if not isinstance(value, Omit)}
        return {"content": encode_json(body)}

    def build(self, retries_taken: int) -> Any:
        headers = self.headers
        headers["x-stainless-retry-count"] = str(retries_taken)
        extensions: dict[str, Any] = {"timeout": dict(self.timeouts)}
        if self.deadline is not None:
            cap_timeouts(extensions["timeout"], self.deadline)
        return self._client._new_request(
            self.httpx,
            self.options.method,
            self.url,
            headers=headers,
            extensions=extensions,
            **self.payload,
        )


def cap_timeouts(timeouts: dict[str, float | None], deadline: Deadline) -> None:
    """Shorten every wait of a request to what the deadline leaves; never to zero."""
    for phase, seconds in timeouts.items():
        capped = deadline.cap(seconds)
        timeouts[phase] = None if capped is None else max(capped, 1e-4)


class BaseClient:
    """What both clients know about a call. Pure, but for reading the clock."""

    max_retries: int
    timeout: float | httpx.Timeout | None
    retry_policy: RetryPolicy
    _strict_response_validation: bool
    _idempotency_header: str | None = "Idempotency-Key"

    def __init__(
        self,
        *,
        version: str,
        base_url: str | httpx.URL,
        _strict_response_validation: bool,
        max_retries: int = DEFAULT_MAX_RETRIES,
        timeout: float | httpx.Timeout | None = DEFAULT_TIMEOUT,
        custom_headers: Mapping[str, str] | None = None,
        custom_query: Mapping[str, object] | None = None,
    ) -> None:
        if max_retries is None:
            raise TypeError(
                "max_retries cannot be None. Pass 0 to disable retries, or leave it out."
            )
        if max_retries < 0:
            raise ValueError(f"max_retries must not be negative, but is {max_retries}")
        self._version = version
        self._base_url = normalize_base_url(base_url)
        self.max_retries = max_retries
        self.timeout = timeout
        self.retry_policy = RetryPolicy()
        self._custom_headers = dict(custom_headers or {})
        self._custom_query = dict(custom_query or {})
        self._strict_response_validation = _strict_response_validation
        self._url_cache: dict[str, httpx.URL] = {}
        self._header_cache: tuple[Any, dict[str, str]] | None = None
        # A user's subclass may compute its headers anew for every call.
        self._has_own_headers = any(
            name in vars(cls)
            for cls in type(self).__mro__
            if cls.__module__.partition(".")[0] != "groq"
            for name in ("default_headers", "auth_headers", "platform_headers", "user_agent")
        )

    # ----------------------------------------------------------------- what subclasses override

    @property
    def qs(self) -> Querystring:
        return Querystring()

    @property
    def custom_auth(self) -> httpx.Auth | None:
        return None

    @property
    def auth_headers(self) -> dict[str, str]:
        return {}

    @property
    def default_headers(self) -> dict[str, str | Omit]:
        return {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": self.user_agent,
            **self.platform_headers(),
            **self.auth_headers,
            **self._custom_headers,
        }

    @property
    def default_query(self) -> dict[str, object]:
        return {**self._custom_query}

    def _validate_headers(self, headers: Headers, custom_headers: Headers) -> None:
        """Raise if `headers` cannot authenticate the request; the default asks for nothing."""

    # ----------------------------------------------------------------- facts

    @property
    def user_agent(self) -> str:
        return f"{type(self).__name__}/Python {self._version}"

    def platform_headers(self) -> dict[str, str]:
        return platform_headers(self._version)

    @property
    def base_url(self) -> httpx.URL:
        return self._base_url

    @base_url.setter
    def base_url(self, url: httpx.URL | str) -> None:
        self._base_url = normalize_base_url(url)
        self._url_cache = {}

    def _idempotency_key(self) -> str:
        # The form of a random UUID, without the 4 ms that importing `uuid` takes.
        digits = os.urandom(16).hex()
        return "stainless-python-retry-" + "-".join(
            (digits[:8], digits[8:12], f"4{digits[13:16]}", f"a{digits[17:20]}", digits[20:])
        )

    def _make_status_error(
        self, err_msg: str, *, body: object, response: httpx.Response
    ) -> APIStatusError:
        """Kept for subclasses that call it; the client itself uses `status_error`."""
        from ._exceptions import class_for_status

        return class_for_status(response.status_code)(err_msg, response=response, body=body)

    def _make_status_error_from_response(self, response: httpx.Response) -> APIStatusError:
        return status_error(response)

    # ----------------------------------------------------------------- requests

    def _url_for(self, options: FinalRequestOptions) -> httpx.URL:
        path = options.url
        url = self._url_cache.get(path)
        if url is None:
            url = self._prepare_url(path)
            if len(self._url_cache) < 256:
                self._url_cache[path] = url
        if options.params or self._custom_query:
            params = {**self.default_query, **options.params}
            query = self.qs.stringify(params)
            if query and url.query:  # of a path given to `get`, `post` and their like
                query = str(httpx.QueryParams(url.query).merge(httpx.QueryParams(query)))
            if query:
                url = url.copy_with(query=query.encode())
        return url

    def _prepare_url(self, url: str) -> httpx.URL:
        if url.startswith(("http://", "https://")):
            return httpx.URL(url)
        base = self._base_url
        path, _, query = url.partition("?")
        base_path = base.raw_path.partition(b"?")[0].decode().rstrip("/")
        raw_path = f"{base_path}/{path.lstrip('/')}" + (f"?{query}" if query else "")
        return base.copy_with(raw_path=raw_path.encode())

    def _base_headers(self) -> dict[str, str]:
        """`default_headers` merged, computed again only when the key or the class says so."""
        if self._has_own_headers:
            return merge_headers(self.default_headers)
        key = (getattr(self, "api_key", None), tuple(self._custom_headers.items()))
        cached = self._header_cache
        if cached is None or cached[0] != key:
            cached = self._header_cache = (key, merge_headers(self.default_headers))
        return cached[1]

    def _headers_for(
        self, options: FinalRequestOptions, timeouts: Mapping[str, Any], *, has_body: bool
    ) -> dict[str, str]:
        base = self._base_headers()
        custom = {} if isinstance(options.headers, NotGiven) else options.headers
        self._validate_headers(base, custom)
        if custom:
            custom = {k: v for k, v in custom.items() if k != OVERRIDE_CAST_TO_HEADER}
            headers = merge_headers(base, custom)
        else:
            headers = dict(base)
        lower = {name.lower() for name in custom}
        is_post = options.method.lower() != "get"
        if (not is_post or options.files is not None) and "content-type" not in lower:
            headers.pop("Content-Type", None)
        if is_post and self._idempotency_header:
            if options.idempotency_key is None:
                options.idempotency_key = self._idempotency_key()
            if self._idempotency_header.lower() not in lower:
                headers[self._idempotency_header] = options.idempotency_key
        read_timeout = timeouts.get("read")
        if read_timeout is not None:
            headers.setdefault("x-stainless-read-timeout", f"{read_timeout:g}")
        return headers

    def _new_request(
        self,
        http: Any,
        method: str,
        url: httpx.URL,
        *,
        headers: dict[str, str],
        extensions: dict[str, Any],
        **payload: Any,
    ) -> Any:
        if "files" in payload:
            # httpx chooses the multipart boundary; a caller may name one in Content-Type.
            return http.build_request(
                method, url, headers=headers, extensions=extensions, **payload
            )
        if isinstance(http, (httpx.Client, httpx.AsyncClient)):
            return http.build_request(
                method, url, headers=headers, extensions=extensions, **payload
            )
        return http.build_request(
            method, str(url), headers=headers, extensions=extensions, **payload
        )

    # ----------------------------------------------------------------- flow and results

    def _flow(self, plan: _Plan) -> Flow:
        return call_flow(
            self.retry_policy,
            plan.options.get_max_retries(self.max_retries),
            request=None,
            deadline=plan.deadline,
            is_replayable=plan.is_replayable,
        )

    def _resume_flow(self, plan: _Plan, fault: APIError, retries_taken: int) -> Flow:
        return resume_flow(
            self.retry_policy,
            plan.options.get_max_retries(self.max_retries) if plan.is_replayable else 0,
            fault,
            deadline=plan.deadline,
            retries_taken=retries_taken,
        )

    @staticmethod
    def _raw_kind(options: FinalRequestOptions) -> str:
        """ "raw", "stream" or "": which wrapper the call came through."""
        headers = options.headers
        if isinstance(headers, NotGiven) or not headers:
            return ""
        for name, value in headers.items():
            if name.lower() == "x-stainless-raw-response":
                return "raw" if value == "true" else str(value)
        return ""

    def _wants_open_body(self, options: FinalRequestOptions, *, stream: bool) -> bool:
        """Whether the caller reads the body itself."""
        return stream or self._raw_kind(options) == "stream"


def _validate_http_client(http_client: object, expected: str) -> None:
    """Accept httpx's client of the right colour, and httpx2's, which has the same interface."""
    if http_client is None:
        return
    for module_name in ("httpx", "httpx2"):
        module = sys.modules.get(module_name)
        if module is not None and isinstance(http_client, getattr(module, expected)):
            return
    raise TypeError(
        f"Invalid `http_client` argument; Expected an instance of `httpx.{expected}`"
        f" but got {type(http_client)}"
    )


def _timeout_of(
    timeout: float | httpx.Timeout | None | NotGiven, http_client: Any
) -> float | httpx.Timeout | None:
    """The client's timeout: as given, else what a custom http client was set to, else ours."""
    if not isinstance(timeout, NotGiven):
        return timeout
    if http_client is not None:
        theirs = httpx.Timeout(**http_client.timeout.as_dict())
        if theirs != HTTPX_DEFAULT_TIMEOUT:
            return theirs
    return DEFAULT_TIMEOUT


def _request_options(
    method: str,
    url: str,
    options: RequestOptions | None,
    **fields: Any,
) -> FinalRequestOptions:
    return FinalRequestOptions(method=method, url=url, **fields, **(options or {}))


class SyncAPIClient(BaseClient, Generic[_HttpxClientT]):
    """A blocking client. Thread-safe: threads share its connection pool."""

    _default_stream_cls: type[Stream[Any]] | None = None

    def __init__(
        self,
        *,
        version: str,
        base_url: str | httpx.URL,
        max_retries: int = DEFAULT_MAX_RETRIES,
        timeout: float | httpx.Timeout | None | NotGiven = NOT_GIVEN,
        http_client: httpx.Client | None = None,
        custom_headers: Mapping[str, str] | None = None,
        custom_query: Mapping[str, object] | None = None,
        _strict_response_validation: bool,
    ) -> None:
        _validate_http_client(http_client, "Client")
        super().__init__(
            version=version,
            base_url=base_url,
            max_retries=max_retries,
            timeout=_timeout_of(timeout, http_client),
            custom_headers=custom_headers,
            custom_query=custom_query,
            _strict_response_validation=_strict_response_validation,
        )
        self._given_client = http_client
        self._pool = SyncPool()

    @property
    def _client(self) -> httpx.Client:
        """The httpx client that sends: the one that was given, or our own pool."""
        return self._given_client or self._pool.client()

    @_client.setter
    def _client(self, client: httpx.Client) -> None:
        self._given_client = client

    def is_closed(self) -> bool:
        if self._given_client is not None:
            return self._given_client.is_closed
        return self._pool.is_closed

    def close(self) -> None:
        """Close all connections, also those of an `http_client` that was passed in."""
        if self._given_client is not None:
            self._given_client.close()
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.close()

    def _prepare_options(self, options: FinalRequestOptions) -> FinalRequestOptions:
        """Last chance to change a call, before its body is encoded. For subclasses."""
        return options

    def _prepare_request(self, request: httpx.Request) -> None:
        """Last chance to change a request, before each attempt. For subclasses."""

    def request(
        self,
        cast_to: Any,
        options: FinalRequestOptions,
        *,
        stream: bool = False,
        stream_cls: Any = None,
    ) -> Any:
        """Send one request, with retries, and decode the answer."""
        options = self._prepare_options(options)
        http = self._client
        plan = _Plan(self, options, http)
        keep_open = self._wants_open_body(options, stream=stream)
        response, retries_taken = self._drive(
            self._flow(plan), http, plan, cast_to, keep_open=keep_open
        )
        num_sent = retries_taken

        def reopen(fault: APIError) -> httpx.Response:
            nonlocal num_sent
            flow = self._resume_flow(plan, fault, num_sent)
            again, num_sent = self._drive(flow, http, plan, cast_to, keep_open=True)
            return again

        return self._process_response(
            cast_to=cast_to,
            options=options,
            response=response,
            stream=stream,
            stream_cls=stream_cls,
            retries_taken=retries_taken,
            deadline=plan.deadline,
            reopen=reopen,
        )

    def _drive(
        self, flow: Flow, http: Any, plan: _Plan, cast_to: Any, *, keep_open: bool
    ) -> tuple[httpx.Response, int]:
        """Do what the flow asks for; return its response, and how many retries it took."""
        retries_taken = 0
        step: Step = next(flow)
        try:
            while True:
                if type(step) is Send:
                    retries_taken = step.retries_taken
                    result = self._send(http, plan, cast_to, retries_taken, keep_open=keep_open)
                    step = flow.send(result)
                elif type(step) is Wait:
                    log_waiting(plan.options, step.seconds)
                    self._sleep(step.seconds)
                    step = flow.send(None)
                elif type(step) is Read:
                    try:
                        step.response.read()
                    except Exception as error:
                        if not is_transport_fault(error):
                            raise
                    step = flow.send(None)
                else:
                    cast(Discard, step).response.close()
                    step = flow.send(None)
        except StopIteration as finished:
            return cast(httpx.Response, finished.value), retries_taken

    def _sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def _send(
        self, http: Any, plan: _Plan, cast_to: Any, retries_taken: int, *, keep_open: bool
    ) -> httpx.Response | Exception:
        request = plan.build(retries_taken)
        self._prepare_request(request)
        trace = _tracer(plan, request, cast_to)
        if trace is not None:
            request.extensions["trace"] = trace
        log_sending(request, plan.options, retries_taken)
        started = time.perf_counter()
        kwargs: dict[str, Any] = {}
        if self.custom_auth is not None:
            kwargs["auth"] = self.custom_auth
        if plan.options.follow_redirects is not None:
            kwargs["follow_redirects"] = plan.options.follow_redirects
        try:
            response: httpx.Response = http.send(request, stream=True, **kwargs)
            if not keep_open and response.status_code < 400:
                self._read(response, plan)
        except Exception as error:  # the flow decides whose fault it is
            log_finished(request, None, error, started)
            return error
        log_finished(request, response, None, started)
        return response

    def _read(self, response: httpx.Response, plan: _Plan) -> None:
        deadline = plan.deadline
        if deadline is None:
            response.read()
            return
        governor = ReadGovernor(response, deadline)
        governor.install()
        try:
            pieces = []
            for piece in response.iter_bytes():
                pieces.append(piece)
                if deadline.expired_phase is not None:
                    raise httpx.ReadTimeout("deadline", request=response.request)
            response._content = b"".join(pieces)  # what httpx's own read() does
        finally:
            governor.remove()
            response.close()

    def _process_response(
        self,
        *,
        cast_to: Any,
        options: FinalRequestOptions,
        response: httpx.Response,
        stream: bool,
        stream_cls: Any,
        retries_taken: int = 0,
        deadline: Deadline | None = None,
        reopen: Any = None,
    ) -> Any:
        raw_kind = self._raw_kind(options)
        if raw_kind or _is_binary(cast_to) or stream:
            response_cls = _response_class(cast_to, options, APIResponse, raw_kind)
            wrapper = response_cls(
                raw=response,
                cast_to=bytes if _is_binary(cast_to) else cast_to,
                client=self,
                stream=stream,
                stream_cls=stream_cls or self._default_stream_cls,
                options=options,
                retries_taken=retries_taken,
                _deadline=deadline,
                _reopen=reopen,
            )
            return wrapper if raw_kind or _is_binary(cast_to) else wrapper.parse()
        parsed = decode_body(
            response,
            cast_to,
            accepts_text=options.accepts_text,
            strict=self._strict_response_validation,
        )
        if isinstance(options.post_parser, NotGiven):
            return parsed
        return options.post_parser(parsed)

    @overload
    def get(
        self,
        path: str,
        *,
        cast_to: type[ResponseT],
        options: RequestOptions | None = None,
    ) -> ResponseT: ...

    @overload
    def get(
        self,
        path: str,
        *,
        cast_to: Any,
        options: RequestOptions | None = None,
        stream: bool = False,
        stream_cls: Any = None,
    ) -> Any: ...

    def get(
        self,
        path: str,
        *,
        cast_to: Any,
        options: RequestOptions | None = None,
        stream: bool = False,
        stream_cls: Any = None,
    ) -> Any:
        final = _request_options("get", path, options)
        return self.request(cast_to, final, stream=stream, stream_cls=stream_cls)

    @overload
    def post(
        self,
        path: str,
        *,
        cast_to: type[ResponseT],
        body: Body | None = None,
        content: Any = None,
        options: RequestOptions | None = None,
        files: RequestFiles | None = None,
        accepts_text: bool = False,
    ) -> ResponseT: ...

    @overload
    def post(
        self,
        path: str,
        *,
        cast_to: Any,
        body: Body | None = None,
        content: Any = None,
        options: RequestOptions | None = None,
        files: Any = None,
        stream: bool = False,
        stream_cls: Any = None,
        chunk_type: Any = None,
        accepts_text: bool = False,
    ) -> Any: ...

    def post(
        self,
        path: str,
        *,
        cast_to: Any,
        body: Body | None = None,
        content: Any = None,
        options: RequestOptions | None = None,
        files: Any = None,
        stream: bool = False,
        stream_cls: Any = None,
        chunk_type: Any = None,
        accepts_text: bool = False,
    ) -> Any:
        final = _request_options(
            "post",
            path,
            options,
            json_data=body,
            content=content,
            files=files,
            chunk_type=chunk_type,
            accepts_text=accepts_text,
        )
        return self.request(cast_to, final, stream=stream, stream_cls=stream_cls)

    def patch(
        self,
        path: str,
        *,
        cast_to: Any,
        body: Body | None = None,
        content: Any = None,
        files: Any = None,
        options: RequestOptions | None = None,
    ) -> Any:
        final = _request_options(
            "patch", path, options, json_data=body, content=content, files=files
        )
        return self.request(cast_to, final)

    def put(
        self,
        path: str,
        *,
        cast_to: Any,
        body: Body | None = None,
        content: Any = None,
        files: Any = None,
        options: RequestOptions | None = None,
    ) -> Any:
        final = _request_options("put", path, options, json_data=body, content=content, files=files)
        return self.request(cast_to, final)

    def delete(
        self,
        path: str,
        *,
        cast_to: Any,
        body: Body | None = None,
        content: Any = None,
        options: RequestOptions | None = None,
    ) -> Any:
        final = _request_options("delete", path, options, json_data=body, content=content)
        return self.request(cast_to, final)


class AsyncAPIClient(BaseClient, Generic[_HttpxClientT]):
    """An asynchronous client. Usable from any number of event loops, one after another or at once."""

    _default_stream_cls: type[AsyncStream[Any]] | None = None

    def __init__(
        self,
        *,
        version: str,
        base_url: str | httpx.URL,
        _strict_response_validation: bool,
        max_retries: int = DEFAULT_MAX_RETRIES,
        timeout: float | httpx.Timeout | None | NotGiven = NOT_GIVEN,
        http_client: httpx.AsyncClient | None = None,
        custom_headers: Mapping[str, str] | None = None,
        custom_query: Mapping[str, object] | None = None,
    ) -> None:
        _validate_http_client(http_client, "AsyncClient")
        super().__init__(
            version=version,
            base_url=base_url,
            max_retries=max_retries,
            timeout=_timeout_of(timeout, http_client),
            custom_headers=custom_headers,
            custom_query=custom_query,
            _strict_response_validation=_strict_response_validation,
        )
        self._given_client = http_client
        self._pools = AsyncPools()

    @property
    def _client(self) -> httpx.AsyncClient:
        """The httpx client that sends: the one that was given, or the running loop's pool."""
        return self._given_client or self._pools.current()

    @_client.setter
    def _client(self, client: httpx.AsyncClient) -> None:
        self._given_client = client

    def is_closed(self) -> bool:
        if self._given_client is not None:
            return self._given_client.is_closed
        return self._pools.is_closed

    async def close(self) -> None:
        """Close all connections of this loop, also those of an `http_client` passed in."""
        if self._given_client is not None:
            await self._given_client.aclose()
        await self._pools.aclose()

    async def aclose(self) -> None:
        """The same as `close`, under the name that `contextlib.aclosing` looks for."""
        await self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()

    async def _prepare_options(self, options: FinalRequestOptions) -> FinalRequestOptions:
        """Last chance to change a call, before its body is encoded. For subclasses."""
        return options

    async def _prepare_request(self, request: httpx.Request) -> None:
        """Last chance to change a request, before each attempt. For subclasses."""

    async def request(
        self,
        cast_to: Any,
        options: FinalRequestOptions,
        *,
        stream: bool = False,
        stream_cls: Any = None,
    ) -> Any:
        """Send one request, with retries, and decode the answer."""
        options = await self._prepare_options(options)
        http = self._client
        plan = _Plan(self, options, http)
        keep_open = self._wants_open_body(options, stream=stream)
        response, retries_taken = await self._drive(
            self._flow(plan), http, plan, cast_to, keep_open=keep_open
        )
        num_sent = retries_taken

        async def reopen(fault: APIError) -> httpx.Response:
            nonlocal num_sent
            flow = self._resume_flow(plan, fault, num_sent)
            again, num_sent = await self._drive(flow, http, plan, cast_to, keep_open=True)
            return again

        return await self._process_response(
            cast_to=cast_to,
            options=options,
            response=response,
            stream=stream,
            stream_cls=stream_cls,
            retries_taken=retries_taken,
            deadline=plan.deadline,
            reopen=reopen,
        )

    async def _drive(
        self, flow: Flow, http: Any, plan: _Plan, cast_to: Any, *, keep_open: bool
    ) -> tuple[httpx.Response, int]:
        """Do what the flow asks for; return its response, and how many retries it took."""
        retries_taken = 0
        step: Step = next(flow)
        try:
            while True:
                if type(step) is Send:
                    retries_taken = step.retries_taken
                    result = await self._send(
                        http, plan, cast_to, retries_taken, keep_open=keep_open
                    )
                    step = flow.send(result)
                elif type(step) is Wait:
                    log_waiting(plan.options, step.seconds)
                    await self._sleep(step.seconds)
                    step = flow.send(None)
                elif type(step) is Read:
                    try:
                        await step.response.aread()
                    except Exception as error:
                        if not is_transport_fault(error):
                            raise
                    step = flow.send(None)
                else:
                    await cast(Discard, step).response.aclose()
                    step = flow.send(None)
        except StopIteration as finished:
            return cast(httpx.Response, finished.value), retries_taken

    async def _sleep(self, seconds: float) -> None:
        import anyio  # httpx depends on it; a retry is rare, its import is not free

        await anyio.sleep(seconds)

    async def _send(
        self, http: Any, plan: _Plan, cast_to: Any, retries_taken: int, *, keep_open: bool
    ) -> httpx.Response | Exception:
        request = plan.build(retries_taken)
        await self._prepare_request(request)
        trace = _tracer(plan, request, cast_to)
        if trace is not None:
            request.extensions["trace"] = _as_async(trace)
        log_sending(request, plan.options, retries_taken)
        started = time.perf_counter()
        kwargs: dict[str, Any] = {}
        if self.custom_auth is not None:
            kwargs["auth"] = self.custom_auth
        if plan.options.follow_redirects is not None:
            kwargs["follow_redirects"] = plan.options.follow_redirects
        try:
            response: httpx.Response = await http.send(request, stream=True, **kwargs)
            if not keep_open and response.status_code < 400:
                await self._read(response, plan)
        except Exception as error:  # the flow decides whose fault it is
            log_finished(request, None, error, started)
            return error
        log_finished(request, response, None, started)
        return response

    async def _read(self, response: httpx.Response, plan: _Plan) -> None:
        deadline = plan.deadline
        if deadline is None:
            await response.aread()
            return
        governor = ReadGovernor(response, deadline)
        governor.install()
        try:
            pieces = []
            async for piece in response.aiter_bytes():
                pieces.append(piece)
                if deadline.expired_phase is not None:
                    raise httpx.ReadTimeout("deadline", request=response.request)
            response._content = b"".join(pieces)  # what httpx's own aread() does
        finally:
            governor.remove()
            await response.aclose()

    async def _process_response(
        self,
        *,
        cast_to: Any,
        options: FinalRequestOptions,
        response: httpx.Response,
        stream: bool,
        stream_cls: Any,
        retries_taken: int = 0,
        deadline: Deadline | None = None,
        reopen: Any = None,
    ) -> Any:
        raw_kind = self._raw_kind(options)
        if raw_kind or _is_binary(cast_to) or stream:
            response_cls = _response_class(cast_to, options, AsyncAPIResponse, raw_kind)
            wrapper = response_cls(
                raw=response,
                cast_to=bytes if _is_binary(cast_to) else cast_to,
                client=self,
                stream=stream,
                stream_cls=stream_cls or self._default_stream_cls,
                options=options,
                retries_taken=retries_taken,
                _deadline=deadline,
                _reopen=reopen,
            )
            return wrapper if raw_kind or _is_binary(cast_to) else await wrapper.parse()
        parsed = decode_body(
            response,
            cast_to,
            accepts_text=options.accepts_text,
            strict=self._strict_response_validation,
        )
        if isinstance(options.post_parser, NotGiven):
            return parsed
        return options.post_parser(parsed)

    async def get(
        self,
        path: str,
        *,
        cast_to: Any,
        options: RequestOptions | None = None,
        stream: bool = False,
        stream_cls: Any = None,
    ) -> Any:
        final = _request_options("get", path, options)
        return await self.request(cast_to, final, stream=stream, stream_cls=stream_cls)

    async def post(
        self,
        path: str,
        *,
        cast_to: Any,
        body: Body | None = None,
        content: Any = None,
        options: RequestOptions | None = None,
        files: Any = None,
        stream: bool = False,
        stream_cls: Any = None,
        chunk_type: Any = None,
        accepts_text: bool = False,
    ) -> Any:
        final = _request_options(
            "post",
            path,
            options,
            json_data=body,
            content=content,
            files=files,
            chunk_type=chunk_type,
            accepts_text=accepts_text,
        )
        return await self.request(cast_to, final, stream=stream, stream_cls=stream_cls)

    async def patch(
        self,
        path: str,
        *,
        cast_to: Any,
        body: Body | None = None,
        content: Any = None,
        files: Any = None,
        options: RequestOptions | None = None,
    ) -> Any:
        final = _request_options(
            "patch", path, options, json_data=body, content=content, files=files
        )
        return await self.request(cast_to, final)

    async def put(
        self,
        path: str,
        *,
        cast_to: Any,
        body: Body | None = None,
        content: Any = None,
        files: Any = None,
        options: RequestOptions | None = None,
    ) -> Any:
        final = _request_options("put", path, options, json_data=body, content=content, files=files)
        return await self.request(cast_to, final)

    async def delete(
        self,
        path: str,
        *,
        cast_to: Any,
        body: Body | None = None,
        content: Any = None,
        options: RequestOptions | None = None,
    ) -> Any:
        final = _request_options("delete", path, options, json_data=body, content=content)
        return await self.request(cast_to, final)


_BINARY = (
    BinaryAPIResponse,
    AsyncBinaryAPIResponse,
    StreamedBinaryAPIResponse,
    AsyncStreamedBinaryAPIResponse,
)


def _is_binary(cast_to: Any) -> bool:
    return isinstance(cast_to, type) and issubclass(cast_to, _BINARY)


def _response_class(cast_to: Any, options: FinalRequestOptions, default: Any, raw_kind: str) -> Any:
    """The wrapper class: named by the custom wrapper, by a binary operation, or the plain one."""
    if raw_kind and not isinstance(options.headers, NotGiven):
        custom = options.headers.get(OVERRIDE_CAST_TO_HEADER)
        if custom is not None:
            return custom
    return cast_to if _is_binary(cast_to) else default


def _tracer(
    plan: _Plan, request: httpx.Request, cast_to: Any
) -> Callable[[str, Mapping[str, Any]], None] | None:
    """A hook for httpcore's progress events, or None where there is nothing to do.

    It shortens the waits of each phase to what the deadline leaves, and imports the result type,
    once per process, while the server is busy with the request.
    """
    deadline = plan.deadline
    pending = [
        type_ for type_ in (cast_to, plan.options.chunk_type) if type_ and needs_loading(type_)
    ]
    if plan.options.chunk_type is not None:
        pending = [type_ for type_ in pending if type_ is plan.options.chunk_type]
    if deadline is None and not pending:
        return None
    timeouts = request.extensions["timeout"]

    def trace(event: str, info: Mapping[str, Any]) -> None:
        if deadline is not None and event.endswith(".started"):
            cap_timeouts(timeouts, deadline)
        elif pending and event.endswith(".send_request_body.complete"):
            preload(pending.pop())

    return trace


def _as_async(
    trace: Callable[[str, Mapping[str, Any]], None],
) -> Callable[[str, Mapping[str, Any]], Awaitable[None]]:
    async def atrace(event: str, info: Mapping[str, Any]) -> None:
        trace(event, info)

    return atrace


def __getattr__(name: str) -> object:
    if name == "DefaultAioHttpClient":
        from . import _transport

        return getattr(_transport, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "DEFAULT_CONNECTION_LIMITS",
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_TIMEOUT",
    "APIConnectionError",
    "APIResponse",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncAPIClient",
    "AsyncAPIResponse",
    "AsyncHttpxClientWrapper",
    "AsyncStream",
    "BaseAPIResponse",
    "BaseClient",
    "Body",
    "DefaultAsyncHttpxClient",
    "DefaultHttpxClient",
    "FinalRequestOptions",
    "RequestFiles",
    "RequestOptions",
    "ResponseT",
    "Stream",
    "SyncAPIClient",
    "SyncHttpxClientWrapper",
    "Timeout",
    "get_architecture",
    "get_platform",
    "log",
    "make_request_options",
]
