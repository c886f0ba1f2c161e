"""Parameters of the profile `groq-2024`: the API of mid-2024 (its OpenAPI document, client 0.9.0).

The profile is for tests of programs written for that API. It refuses later parameters as unknown, which
the profile `default` accepts.
"""

from __future__ import annotations

from collections.abc import Iterable

PARAMETERS_2024 = frozenset(
    {
        "messages",
        "model",
        "temperature",
        "top_p",
        "max_tokens",
        "stop",
        "stream",
        "seed",
        "n",
        "response_format",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "functions",
        "function_call",
        "user",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
    }
)

MESSAGE_KEYS_2024 = {
    "system": frozenset({"role", "content", "name"}),
    "user": frozenset({"role", "content", "name"}),
    "assistant": frozenset({"role", "content", "name", "tool_calls", "function_call"}),
    "tool": frozenset({"role", "content", "name", "tool_call_id"}),
    "function": frozenset({"role", "content", "name"}),
}


def first_unknown(keys: Iterable[str], known: frozenset[str]) -> str | None:
    """The first of `keys` that is not `known`."""
    return next((key for key in keys if key not in known), None)
