"""The same objects and the same bytes as the published client, over a recorded corpus.

`data/record_published.py` made the recording, in an environment of its own.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import httpx
import pytest
from sdk.tests.data import operations

import groq.types
import groq.types.chat
from groq import Groq
from groq._models import model_from_json

RECORDED = json.loads((Path(__file__).parent / "data" / "published.json").read_text())


def type_named(name: str) -> Any:
    return getattr(groq.types.chat, name, None) or getattr(groq.types, name)


@pytest.mark.parametrize("name", sorted({case["type"] for case in RECORDED["answers"]}))
def test_answers_good_and_bad_read_the_same(name: str) -> None:
    """`to_dict()` is equal for every recorded payload, mutated ones included."""
    cases = [case for case in RECORDED["answers"] if case["type"] == name]
    assert len(cases) == 60
    for case in cases:
        content = json.dumps(case["payload"]).encode()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd values make pydantic's serializer talk
            read = model_from_json(type_named(name), content).to_dict()

        assert read == case["to_dict"], content


def test_requests_are_the_same_bytes() -> None:
    """Two hundred combinations of parameters are encoded alike, byte for byte."""
    sent: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request.content.decode())
        return httpx.Response(200, json=RECORDED["answers"][0]["payload"])

    transport = httpx.MockTransport(handler)
    with Groq(api_key="k", http_client=httpx.Client(transport=transport)) as client:
        for case in RECORDED["requests"]:
            client.chat.completions.create(**case["parameters"])

    assert sent == [case["body"] for case in RECORDED["requests"]]


async def test_every_operation_sends_and_returns_the_same() -> None:
    """Method, URL, headers, body, and what the caller gets, for all seventeen, in both clients."""
    assert operations.run() == RECORDED["operations"]["Groq"]
    assert await operations.run_async() == RECORDED["operations"]["AsyncGroq"]
