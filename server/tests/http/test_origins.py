"""Requests of web pages, by their origin."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from server.tests.http.conftest import Caller


def test_a_page_is_refused_with_what_the_operator_can_do(caller: Caller) -> None:
    """Also one whose name was rebound to this address: its origin is its own, whatever the host."""
    answer = caller.post(
        headers={"origin": "http://evil.example:8000", "host": "evil.example:8000"}
    )
    assert answer.status == 403
    assert answer.error["code"] == "origin_not_allowed"
    assert "cors_origin" in answer.error["message"]
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["https://app.example:444", "null"])
def test_an_origin_that_is_named_is_let_in(make_caller: Callable[..., Caller], origin: str) -> None:
    """The response allows the page to read it. Another port is another origin."""
    caller = make_caller(cors_origins=[origin])
    allowed = caller.post(headers={"origin": origin})
    assert allowed.status == 200
    assert allowed.headers["access-control-allow-origin"] == origin
    assert caller.post(headers={"origin": "https://app.example"}).status == 403


def test_a_star_allows_every_page(make_caller: Callable[..., Caller]) -> None:
    """The operator must set it."""
    answer = make_caller(cors_origins=["*"]).post(headers={"origin": "https://any.example"})
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_request_without_an_origin_is_answered(caller: Caller) -> None:
    """Programs send none."""
    assert caller.post().status == 200
