"""Specs of constraints: a JSON document, tool calls, reasoning before them.

`grammar` compiles a spec. The engine passes it to a constraint factory unread.
"""

from __future__ import annotations

import msgspec


class ToolSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A function that the model may call."""

    name: str
    parameters: str
    """The JSON Schema of its arguments, as JSON text."""


class CallSyntax(msgspec.Struct, frozen=True, kw_only=True):
    """How a model family writes calls: `before`, calls with `separator` between them, `after`.

    One call is `begin`, the name, `before_arguments`, the arguments as JSON, `end`.
    """

    begin: str
    before_arguments: str
    end: str
    before: str = ""
    separator: str = ""
    after: str = ""
    trigger: str
    """The model writes this text to begin a call. `before` + `begin` starts with it."""
    trigger_token_id: int | None = None
    """The control token whose text is the trigger; None if there is none."""


class ToolCalls(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of declared functions."""

    tools: tuple[ToolSpec, ...]
    """At least one."""
    syntax: CallSyntax
    is_required: bool
    """False: the model may write text instead, until it writes the trigger."""
    max_calls: int
    """At least 1."""


class Thinking(msgspec.Struct, frozen=True, kw_only=True):
    """Reasoning: free text before the part that is constrained."""

    end: str
    """The text that ends it, such as `</think>`."""
    end_token_id: int | None = None
    """The control token with that text; None if there is none."""
    max_tokens: int
    """After so many tokens the end is forced, so that the answer fits into the budget."""


class ConstraintSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer must be.

    At most one of `json_object` and `schema` is set. With `tool_calls`, the document replaces the free
    text that the model may write instead of calls.
    """

    json_object: bool = False
    """A JSON object with any members."""
    schema: str | None = None
    """A JSON document that is valid against this JSON Schema, given as JSON text."""
    is_strict: bool = True
    """False: the caller validates keywords of the schema that no grammar can express."""
    tool_calls: ToolCalls | None = None
    thinking: Thinking | None = None
    """None: the answer has no reasoning before it."""
