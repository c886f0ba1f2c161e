"""The routes: paths, methods and small endpoints."""

from __future__ import annotations

import functools
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

import galop
from galop.accounts.keys import Caller
from galop.admission.admission import Admission
from galop.admission.policy import can_use_model, check_model
from galop.http.completions import ChatCompletions
from galop.http.connection import send_json, send_start
from galop.http.encode import model_object
from galop.http.errors import UnknownUrlError
from galop.http.limits import RequestLimits
from galop.http.observer import RequestObserver
from galop.http.openapi import openapi_document
from galop.http.schema import ModelList, ModelObject
from galop.http.service import ChatService
from galop.protocol.errors import EngineUnavailableError
from galop.protocol.literals import Compat

PREFIXES = ("/openai/v1", "/v1")
"""The SDK's, and the one that OpenAI-style clients of a local server use."""
COMPLETION_PATHS = tuple(f"{prefix}/chat/completions" for prefix in PREFIXES)


class GetJson:
    """ASGI endpoint that responds with `value(scope)` as JSON."""

    def __init__(self, value: Callable[[Scope], object]) -> None:
        self._value = value

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Responds with 200. Exceptions of `value` propagate to `ErrorMiddleware`."""
        await send_json(send, self._value(scope))


MetricsPage = Callable[[str], tuple[bytes, str]]
"""Takes the value of the header `accept`; returns the page and its media type."""


class GetMetrics:
    """ASGI endpoint that responds with the metrics page."""

    def __init__(self, page: MetricsPage) -> None:
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Responds with 200."""
        body, content_type = self._page(Headers(scope=scope).get("accept", ""))
        length = str(len(body))
        await send_start(send, 200, {"content-type": content_type, "content-length": length})
        await send({"type": "http.response.body", "body": body})


def build_routes(
    service: ChatService,
    admission: Admission,
    *,
    compat: Compat,
    limits: RequestLimits,
    observer: RequestObserver,
    metrics_page: MetricsPage | None,
) -> list[BaseRoute]:
    """Every route of the API, under both prefixes, and the server's own pages."""
    completions = ChatCompletions(
        service, admission, compat=compat, limits=limits, observer=observer
    )
    has_metrics = metrics_page is not None
    document = functools.cache(lambda: openapi_document(galop.__version__, has_metrics=has_metrics))

    def caller_of(scope: Scope) -> Caller:
        return admission.authenticate(Headers(scope=scope).get("authorization"))

    def list_models(scope: Scope) -> ModelList:
        caller = caller_of(scope)
        cards = [card for card in service.models.cards if can_use_model(caller, card)]
        return ModelList(data=[model_object(card) for card in cards])

    def retrieve_model(scope: Scope) -> ModelObject:
        caller = caller_of(scope)
        model_id: str = scope["path_params"]["model_id"]  # decoded: %2F has become a slash
        if not model_id:
            raise UnknownUrlError(method=scope["method"], path=scope["path"])
        card = service.models.resolve(model_id).card
        check_model(caller, card)
        return model_object(card)

    def readiness(scope: Scope) -> object:
        if (reason := admission.readiness()) is not None:
            raise EngineUnavailableError(reason)
        num_running, num_waiting = admission.load()
        return {"status": "ready", "running": num_running, "waiting": num_waiting}

    routes: list[BaseRoute] = [  # the first that matches is taken: the busiest go first
        *(Route(path, completions, methods=["POST"]) for path in COMPLETION_PATHS),
        Route("/", GetJson(_index), methods=["GET"]),
        Route("/healthz", GetJson(lambda scope: {"status": "alive"}), methods=["GET"]),
        Route("/readyz", GetJson(readiness), methods=["GET"]),
        Route("/openapi.json", GetJson(lambda scope: document()), methods=["GET"]),
    ]
    if metrics_page is not None:
        routes.append(Route("/metrics", GetMetrics(metrics_page), methods=["GET"]))
    for prefix in PREFIXES:
        routes += [
            Route(f"{prefix}/models", GetJson(list_models), methods=["GET"]),
            Route(f"{prefix}/models/{{model_id:path}}", GetJson(retrieve_model), methods=["GET"]),
        ]
    return routes


def _index(scope: Scope) -> object:
    return {
        "name": "galop",
        "version": galop.__version__,
        "chat_completions": COMPLETION_PATHS[0],
        "models": f"{PREFIXES[0]}/models",
        "openapi": "/openapi.json",
        "ready": "/readyz",
    }
