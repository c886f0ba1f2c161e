"""Answers to requests that get no further than their head.

**No room.** When ten times as many requests come as can be served, nine in ten answers are this one, and the
engine computes on the same cores: what a refusal costs, the others wait for. So it is made as soon
as the head of a request is known, without a task, an ASGI message or a look at the body. It is the
answer that a valid request gets at the end of the long way, counted and logged as there; whatever
is unusual about a request goes the long way.

**No HTTP.** What the parser of the protocol cannot read has no long way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from galop.accounts.errors import AdmissionError
from galop.admission.admission import Admission
from galop.http.boundary import answer_headers, log_problem
from galop.http.connection import RawHeaders, problem_response
from galop.http.errors import MalformedMessageError, describe
from galop.http.ids import new_request_id
from galop.http.limits import Limits
from galop.http.observer import RequestObserver
from galop.protocol.errors import EngineError, QueueFullError

_UNUSUAL = frozenset((b"expect", b"origin", b"transfer-encoding", b"upgrade"))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A whole response."""

    status: int
    headers: RawHeaders
    body: bytes


class Refuser:
    """Refuses what needs no more than its head for that. Does not block."""

    def __init__(
        self,
        admission: Admission,
        *,
        paths: Collection[str],
        limits: Limits,
        observer: RequestObserver,
    ) -> None:
        self._admission = admission
        self._paths = frozenset(path.encode() for path in paths)
        self._limits = limits
        self._observer = observer

    def refuse(
        self, method: bytes, target: bytes, headers: RawHeaders, *, is_https: bool
    ) -> Refusal | None:
        """The answer to a POST to one of `paths` with these headers while there is no room, already
        told to the observer. None where the request goes the long way."""
        if method != b"POST" or target not in self._paths:
            return None
        values = dict(headers)
        if len(values) < len(headers) or not self._is_usual(values):
            return None
        error = self._no_room(values.get(b"authorization", b"").decode("latin-1"))
        if error is None:
            return None
        return self._refusal(error, f"POST {target.decode()!r}", is_https=is_https)

    def refuse_malformed(self, *, is_https: bool) -> Refusal:
        """The answer to bytes that are no request, already told to the observer."""
        return self._refusal(MalformedMessageError(), "what was sent", is_https=is_https)

    def _refusal(self, error: Exception, what: str, *, is_https: bool) -> Refusal:
        request_id = new_request_id()
        problem = describe(error, request_id=request_id)
        log_problem(request_id, what, problem, error)
        self._observer.responded(problem.status)
        self._observer.refused(error, problem.status)
        own_headers, body = problem_response(problem)
        own_headers += answer_headers(request_id, is_https=is_https)
        return Refusal(problem.status, own_headers, body)

    def _no_room(self, authorization: str) -> QueueFullError | None:
        try:
            self._admission.check_capacity(self._admission.authenticate(authorization or None))
        except QueueFullError as error:
            return error
        except (AdmissionError, EngineError):
            return None
        return None

    def _is_usual(self, headers: Mapping[bytes, bytes]) -> bool:
        """With a body that is not too large, and nothing that asks for another answer."""
        length = headers.get(b"content-length", b"")
        is_small = length.isdigit() and int(length) <= self._limits.max_body_bytes
        return is_small and _UNUSUAL.isdisjoint(headers)
