"""Turns of a conversation: each prompt begins with the whole one before it."""

from __future__ import annotations

import pytest

from e2e.conftest import Server
from groq import Groq
from groq.types.chat import ChatCompletion, ChatCompletionMessageParam

pytestmark = pytest.mark.model


def test_three_turns_reuse_what_is_computed(server: Server) -> None:
    """Later turns take the earlier prompt from the cache, and answer as a cold server does."""
    messages: list[ChatCompletionMessageParam] = []
    with Groq(base_url=server.base_url, api_key="gsk_test", max_retries=0) as client:

        def ask() -> ChatCompletion:
            return client.chat.completions.create(
                model="llama3-8b-8192", messages=messages, max_tokens=12, temperature=0.8, seed=3
            )

        num_prompt_tokens = 0
        for question in ("Name three rivers of Europe.", "And three lakes?", "Thank you!"):
            messages.append({"role": "user", "content": question})
            first, again = ask(), ask()
            assert first.choices[0].message.content == again.choices[0].message.content
            assert first.usage is not None
            details = first.usage.prompt_tokens_details
            cached = details.cached_tokens if details else 0
            assert cached >= num_prompt_tokens
            num_prompt_tokens = first.usage.prompt_tokens
            answer = first.choices[0].message.content or ""
            messages.append({"role": "assistant", "content": answer})
