"""Words with a fixed set of values that several rooms share; each is declared once, here."""

from __future__ import annotations

from typing import Literal

FinishReason = Literal["stop", "length", "tool_calls", "function_call"]
"""Why a choice ended. An engine knows the first two; `chat` says `tool_calls`, and `http` says
`function_call` to callers of the deprecated parameter."""

ServiceTier = Literal["performance", "on_demand", "flex"]
"""How large a share of the machine a request asks for while others wait."""

ToolChoice = Literal["none", "auto", "required"]
"""Whether the model may or must call a function."""

ReasoningFormat = Literal["raw", "parsed", "hidden"]
"""How an answer shows the model's reasoning: in the content, in a field of its own, or not at all."""

ReasoningEffort = Literal["none", "default", "low", "medium", "high"]
"""How much a model shall reason; which values a model takes is said by its chat template."""

Compat = Literal["default", "groq-2024"]
"""The profile of the API: today's fields, or those of mid-2024 alone."""
