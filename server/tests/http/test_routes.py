"""The endpoints apart from completions, through a real socket."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from server.tests.http.conftest import ScriptedChatService, require_envelope


@pytest.mark.parametrize("prefix", ["/openai/v1", "/v1"])
def test_both_prefixes_serve_the_api(
    client: httpx.Client, smallest_body: dict[str, Any], prefix: str
) -> None:
    """The SDK's, and the one of local OpenAI-style clients."""
    assert client.post(f"{prefix}/chat/completions", json=smallest_body).status_code == 200
    assert client.get(f"{prefix}/models").status_code == 200


def test_models_are_listed_with_their_aliases(client: httpx.Client) -> None:
    """An alias says whose it is."""
    assert client.get("/openai/v1/models").json() == {
        "object": "list",
        "data": [
            {
                "id": "vendor/model-1",
                "object": "model",
                "created": 1700000000,
                "owned_by": "tests",
                "active": True,
                "context_window": 2048,
                "public_apps": None,
                "max_completion_tokens": 1024,
            },
            {
                "id": "plain",
                "object": "model",
                "created": 1700000000,
                "owned_by": "tests",
                "active": True,
                "context_window": 2048,
                "public_apps": None,
                "max_completion_tokens": 1024,
                "alias_of": "vendor/model-1",
            },
        ],
    }


@pytest.mark.parametrize("model_id", ["vendor/model-1", "vendor%2Fmodel-1", "vendor%2fmodel-1"])
def test_a_model_is_found_by_an_id_with_a_slash(client: httpx.Client, model_id: str) -> None:
    """Raw and percent-encoded: clients do both."""
    assert client.get(f"/openai/v1/models/{model_id}").json()["id"] == "vendor/model-1"


@pytest.mark.parametrize("model_id", ["nobody", "vendor/nobody", "a%2Fb%2Fc", "%F0%9F%90%8E"])
def test_a_model_that_is_not_there_is_a_404(client: httpx.Client, model_id: str) -> None:
    """With the code of the API."""
    require_envelope(client.get(f"/v1/models/{model_id}"), 404, "model_not_found")


def test_health_does_not_depend_on_readiness(
    client: httpx.Client, live_service: ScriptedChatService
) -> None:
    """Alive while the engine starts; ready only afterwards."""
    assert client.get("/readyz").json() == {"status": "ready", "running": 0, "waiting": 0}
    live_service.unreadiness = "the engine is starting"
    assert client.get("/healthz").json() == {"status": "alive"}
    response = client.get("/readyz")
    assert "the engine is starting" in require_envelope(response, 503, None)["message"]
    assert response.headers["retry-after"] == "1"


def test_the_root_lists_paths_that_are_served(client: httpx.Client) -> None:
    """For people who open the address in a browser."""
    index = client.get("/").json()
    for name in ("models", "openapi", "ready"):
        assert client.get(index[name]).status_code == 200
