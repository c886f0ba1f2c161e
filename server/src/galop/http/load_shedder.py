"""Error responses that need only the head of a request: a full queue, and malformed HTTP.

Under overload most responses are 503, and the engine computes on the same cores. So a 503 is made as soon
as the head is parsed, without a task, ASGI messages or the body. It equals the response that the application
would send, and is counted and logged the same way. Requests with unusual headers go to the application.

Decision 0010 has the measurements.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from galop.accounts.errors import AdmissionError
from galop.admission.admission import Admission
from galop.http.connection import RawHeaders, problem_response
from galop.http.error_middleware import answer_headers, log_problem
from galop.http.errors import MalformedMessageError, describe
from galop.http.ids import new_request_id
from galop.http.limits import RequestLimits
from galop.http.observer import RequestObserver
from galop.protocol.errors import EngineError, QueueFullError

_UNUSUAL = frozenset((b"expect", b"origin", b"transfer-encoding", b"upgrade"))


@dataclass(frozen=True, slots=True)
class EarlyResponse:
    """A complete HTTP response."""

    status: int
    headers: RawHeaders
    """All but those of the connection, such as `date` and `connection`."""
    body: bytes


class LoadShedder:
    """Refuses requests by their heads. Runs on the event loop and does not block."""

    def __init__(
        self,
        admission: Admission,
        *,
        paths: Collection[str],
        limits: RequestLimits,
        observer: RequestObserver,
    ) -> None:
        self._admission = admission
        self._paths = frozenset(path.encode() for path in paths)
        self._limits = limits
        self._observer = observer

    def refuse(
        self, method: bytes, target: bytes, headers: RawHeaders, *, is_https: bool
    ) -> EarlyResponse | None:
        """The 503 for a POST to one of `paths` while the queue is full, already reported to the observer.

        None if the application must answer. `target`: as in the request line. `headers`: lower-case names.
        """
        if method != b"POST" or target not in self._paths:
            return None
        values = dict(headers)
        if len(values) < len(headers) or not self._is_usual(values):
            return None
        error = self._queue_full_error(values.get(b"authorization", b"").decode("latin-1"))
        if error is None:
            return None
        return self._response(error, f"POST {target.decode()!r}", is_https=is_https)

    def refuse_malformed(self, *, is_https: bool) -> EarlyResponse:
        """The 400 for bytes that are no HTTP request, already reported to the observer."""
        return self._response(MalformedMessageError(), "what was sent", is_https=is_https)

    def _response(self, error: Exception, what: str, *, is_https: bool) -> EarlyResponse:
        request_id = new_request_id()
        problem = describe(error, request_id=request_id)
        log_problem(request_id, what, problem, error)
        self._observer.responded(problem.status)
        self._observer.refused(error, problem.status)
        own_headers, body = problem_response(problem)
        own_headers += answer_headers(request_id, is_https=is_https)
        return EarlyResponse(problem.status, own_headers, body)

    def _queue_full_error(self, authorization: str) -> QueueFullError | None:
        try:
            self._admission.check_capacity(self._admission.authenticate(authorization or None))
        except QueueFullError as error:
            return error
        except (AdmissionError, EngineError):
            return None
        return None

    def _is_usual(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether the body is small enough, and no header can lead to another response."""
        length = headers.get(b"content-length", b"")
        is_small = length.isdigit() and int(length) <= self._limits.max_body_bytes
        return is_small and _UNUSUAL.isdisjoint(headers)
