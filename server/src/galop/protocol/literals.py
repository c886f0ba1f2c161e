"""Literal types that several rooms use."""

from __future__ import annotations

from typing import Literal

FinishReason = Literal["stop", "length", "tool_calls", "function_call"]
"""Why a choice ended. The engine sets `stop` and `length`, `chat` sets `tool_calls`, and `http` sets
`function_call` for callers of the deprecated parameter."""

ServiceTier = Literal["performance", "on_demand", "flex"]
"""The share of the machine that a request gets while others wait (see `engine.queue`)."""

ToolChoice = Literal["none", "auto", "required"]
"""Whether the model may or must call a function."""

ReasoningFormat = Literal["raw", "parsed", "hidden"]
"""Where the answer has the model's reasoning: in the content, in a field of its own, or nowhere."""

ReasoningEffort = Literal["none", "default", "low", "medium", "high"]
"""How much the model reasons. The model's chat template decides which values it accepts."""

Compat = Literal["default", "groq-2024"]
"""The profile of the API: all fields, or only those of mid-2024."""
