"""What holds for every path: 404, 405, and the headers of every response."""

from __future__ import annotations

import httpx
import pytest

from server.tests.http.conftest import CHAT, require_envelope


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("POST", "/openai/v1/openai/v1/chat/completions"),
        ("GET", "/openai/v1/models/"),
        ("POST", CHAT + "/"),
        ("GET", "/%ff%00%22"),
    ],
)
def test_an_unknown_url_is_a_404_that_names_it(
    client: httpx.Client, method: str, path: str
) -> None:
    """Method and path; the prefix is never doubled; no redirects."""
    error = require_envelope(client.request(method, path), 404, "unknown_url")
    assert f"{method} /" in error["message"]


@pytest.mark.parametrize("host", ["[", "a b", "\xff", ""])
def test_a_strange_host_changes_nothing(client: httpx.Client, host: str) -> None:
    """The header is never trusted to be part of a URL."""
    headers = {b"host": host.encode("latin-1")}
    require_envelope(client.get("/nothing", headers=headers), 404, "unknown_url")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", CHAT, "POST"),
        ("DELETE", "/v1/models", "GET, HEAD"),
        ("OPTIONS", "/v1/chat/completions", "POST"),
        ("DELETE", "/v1/models/plain", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_a_405_that_tells_the_right_one(
    client: httpx.Client, method: str, path: str, allow: str
) -> None:
    """In the header that says so, and in words."""
    response = client.request(method, path)
    require_envelope(response, 405, "method_not_allowed")
    assert response.headers["allow"] == allow


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/healthz"),
        ("HEAD", "/readyz"),
        ("GET", "/openapi.json"),
        ("GET", "/v1/models"),
        ("GET", "/no"),
        ("PATCH", CHAT),
        ("POST", CHAT),
    ],
)
def test_every_response_names_its_request(client: httpx.Client, method: str, path: str) -> None:
    """Whatever it is."""
    headers = client.request(method, path).headers
    assert headers["x-request-id"].startswith("req_")
    assert headers["x-content-type-options"] == "nosniff"
