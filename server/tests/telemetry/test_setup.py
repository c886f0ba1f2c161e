"""Which observers the settings create."""

from __future__ import annotations

import logging

import pytest

from galop.telemetry import EngineState, Telemetry
from server.tests.telemetry.conftest import request


async def test_without_a_collector_the_application_is_not_wrapped() -> None:
    """A server without traces pays nothing for them."""
    application = object()
    async with Telemetry(EngineState, model_name="m") as telemetry:
        assert not telemetry.has_traces
        assert telemetry.around(application) is application


async def test_a_collector_wraps_the_application() -> None:
    """The exporter connects only when it has spans to send."""
    application = object()
    async with Telemetry(
        EngineState, model_name="m", otlp_endpoint="http://127.0.0.1:9"
    ) as telemetry:
        assert telemetry.has_traces
        assert telemetry.around(application) is not application


@pytest.mark.parametrize("log_prompts", [False, True])
async def test_prompts_are_logged_only_on_request(
    caplog: pytest.LogCaptureFixture, *, log_prompts: bool
) -> None:
    """The default logs no word of a conversation."""
    caplog.set_level(logging.INFO, logger="galop")
    telemetry = Telemetry(EngineState, model_name="m", log_prompts=log_prompts)
    with telemetry.completion(request()):
        pass
    assert ("a secret" in caplog.text) is log_prompts
