"""The log of prompts and answers."""

from __future__ import annotations

import logging

import pytest

from galop.telemetry.prompt_log import PromptLog
from galop.testing import ScriptedModel
from galop.workers.local import LocalEngine
from server.tests.telemetry.conftest import completed, request


async def test_prompts_are_logged_where_that_is_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    """With what was answered, under the request id."""
    caplog.set_level(logging.INFO, logger="galop")
    async with LocalEngine(ScriptedModel("Hello")) as engine:
        async for _ in completed(engine, request(), PromptLog(), keeps_texts=True):
            pass
    [record] = [record for record in caplog.records if record.name == "galop.prompts"]
    assert vars(record)["request_id"] == "req_1"
    assert vars(record)["answers"] == ["Hello"]
    assert vars(record)["messages"] == [{"role": "user", "content": "a secret"}]
