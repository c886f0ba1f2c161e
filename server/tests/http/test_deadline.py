"""Deadlines: in the queue, in the middle of an answer, and those that are no numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from galop.chat.events import ContentDelta, Started
from galop.http import RequestLimits

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.tests.http.conftest import Caller, ScriptedChatService, Step

CHAT = "/openai/v1/chat/completions"
SOON = {"x-request-timeout": "0.05"}


def test_a_request_that_waits_too_long_is_a_504(
    client: httpx.Client,
    live_service: ScriptedChatService,
    smallest_body: dict[str, Any],
    forever: Step,
) -> None:
    """Its sequences are freed, and the SDK must not retry it."""
    live_service.script = [forever]
    response = client.post(CHAT, json=smallest_body, headers=SOON)
    assert response.status_code == 504
    assert response.json()["error"]["code"] == "request_timeout"
    assert response.headers["x-should-retry"] == "false"
    assert live_service.is_closed.wait(5)


def test_a_stream_that_takes_too_long_ends_with_an_error(
    client: httpx.Client,
    live_service: ScriptedChatService,
    smallest_body: dict[str, Any],
    forever: Step,
) -> None:
    """After what had come."""
    live_service.script = [Started(), ContentDelta(0, "Hel"), forever]
    body = {**smallest_body, "stream": True}
    lines = client.post(CHAT, json=body, headers=SOON).text.splitlines()
    assert any('"content":"Hel"' in line for line in lines)
    assert "event: error" in lines
    assert "request_timeout" in lines[-2]
    assert live_service.is_closed.wait(5)


def test_an_answer_in_time_is_an_answer(caller: Caller) -> None:
    """The deadline alone changes nothing."""
    assert caller.post(headers={"x-request-timeout": "30"}).status == 200


def test_the_operator_has_the_last_word(
    make_caller: Callable[..., Caller], service: ScriptedChatService, forever: Step
) -> None:
    """The header can ask for less than the setting, not for more."""
    service.script = [forever]
    short = make_caller(limits=RequestLimits(request_timeout_s=0.05))
    for headers in ({}, {"x-request-timeout": "3600"}):
        answer = short.post(headers=headers)
        assert answer.status == 504
        assert "0.05 seconds" in answer.error["message"]


@pytest.mark.parametrize("text", ["", "0", "-1", "soon", "1e3", "inf", "nan", "5s", "1" * 20])
def test_a_timeout_that_is_no_number_is_refused(caller: Caller, text: str) -> None:
    """By the name of the header."""
    answer = caller.post(headers={"x-request-timeout": text})
    assert answer.status == 400
    assert answer.error["param"] == "x-request-timeout"
