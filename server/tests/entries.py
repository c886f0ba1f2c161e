"""Models without an engine, for tests of what stands above it. Not a test module."""

from __future__ import annotations

from galop.chat import ChatModel, ChatTemplate, Generation, ModelEntry
from galop.chat.request import ModelCard
from galop.protocol.requests import GenerationRequest
from galop.testing import ScriptedTokenizer


class SmallTokenizer(ScriptedTokenizer):
    """Says that there are 100 token ids."""

    vocab_size = 100


class NoEngine:
    """Fails the test that reaches it."""

    def submit(self, request: GenerationRequest) -> Generation:
        raise AssertionError("this test needs no engine")


def entry(
    model_id: str,
    *,
    alias_of: str | None = None,
    context_window: int = 2048,
    max_completion_tokens: int = 1024,
) -> ModelEntry:
    """A model of 100 token ids under one id."""
    model = ChatModel(
        alias_of or model_id,
        tokenizer=SmallTokenizer(),
        template=ChatTemplate(None, bos_token="", eos_token=""),
        engine=NoEngine(),
        context_window=context_window,
        system_fingerprint="fp_0123456789",
    )
    card = ModelCard(
        id=model_id,
        created=1700000000,
        owned_by="tests",
        context_window=context_window,
        max_completion_tokens=max_completion_tokens,
        alias_of=alias_of,
    )
    return ModelEntry(card, model)
