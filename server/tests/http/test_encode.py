"""The answer in one piece."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from galop.chat.events import ChoiceFinished, ContentDelta, Started, TokenLogprob, TopLogprob, Usage

if TYPE_CHECKING:
    from server.tests.http.conftest import Caller, ScriptedChatService


def test_the_answer_has_every_key_in_the_order_of_the_api(caller: Caller) -> None:
    """Key by key, with the request id and the seed in x_groq."""
    answer = caller.post(seed=-5)
    body = answer.json()
    created, completion_id = body.pop("created"), body.pop("id")
    assert isinstance(created, int)
    assert completion_id.startswith("chatcmpl-")
    assert list(body.items()) == [
        ("object", "chat.completion"),
        ("model", "plain"),
        (
            "choices",
            [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "Hello"},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
        ),
        (
            "usage",
            {
                "queue_time": 0.25,
                "prompt_tokens": 12,
                "prompt_time": 0.5,
                "completion_tokens": 3,
                "completion_time": 1.0,
                "total_tokens": 15,
                "total_time": 1.5,
            },
        ),
        ("system_fingerprint", "fp_0123456789"),
        ("x_groq", {"id": answer.headers["x-request-id"], "seed": -5}),
        ("service_tier", "on_demand"),
    ]
    assert answer.body.endswith(b"}\n")


def test_a_random_seed_is_returned_and_fits_a_double(
    caller: Caller, service: ScriptedChatService
) -> None:
    """So that the answer can be had again, from JavaScript too."""
    seed = caller.post().json()["x_groq"]["seed"]
    assert seed == service.requests[0].seed
    assert 0 <= seed < 2**53


def test_cached_tokens_are_present_only_if_there_are_some(
    caller: Caller, service: ScriptedChatService, usage: Usage
) -> None:
    """The details are absent otherwise."""
    service.script[-1] = replace(usage, cached_tokens=8)
    assert caller.post().json()["usage"]["prompt_tokens_details"] == {"cached_tokens": 8}


def test_choices_are_folded_apart(
    caller: Caller, service: ScriptedChatService, usage: Usage
) -> None:
    """Their deltas may come in any order."""
    service.script = [
        Started(),
        ContentDelta(1, "b"),
        ContentDelta(0, "a"),
        ChoiceFinished(1, "length"),
        ContentDelta(0, "A"),
        ChoiceFinished(0, "stop"),
        usage,
    ]
    choices = caller.post(n=2).json()["choices"]
    assert [(c["index"], c["message"]["content"], c["finish_reason"]) for c in choices] == [
        (0, "aA", "stop"),
        (1, "b", "length"),
    ]


def test_logprobs_have_the_shape_of_openai(
    caller: Caller, service: ScriptedChatService, usage: Usage
) -> None:
    """Minus infinity, which JSON cannot say, is -9999."""
    top = (TopLogprob("a", b"a", -0.5), TopLogprob("\ufffd", b"\xff", float("-inf")))
    service.script = [
        Started(),
        ContentDelta(0, "a", (TokenLogprob("a", b"a", -0.5, top, None),)),
        ContentDelta(0, "", (TokenLogprob("\ufffd", b"\xff", -1.0, (), 0.0),)),
        ChoiceFinished(0, "stop"),
        usage,
    ]
    assert caller.post(logprobs=True, top_logprobs=2).json()["choices"][0]["logprobs"] == {
        "content": [
            {
                "token": "a",
                "bytes": [97],
                "logprob": -0.5,
                "top_logprobs": [
                    {"token": "a", "bytes": [97], "logprob": -0.5},
                    {"token": "\ufffd", "bytes": [255], "logprob": -9999.0},
                ],
            },
            {
                "token": "\ufffd",
                "bytes": [255],
                "logprob": -1.0,
                "top_logprobs": [],
                "constrained_logprob": 0.0,
            },
        ],
        "refusal": None,
    }
