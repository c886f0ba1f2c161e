"""What an answer must be: a JSON document, calls of tools, reasoning before them. Plain values.

`grammar` compiles a spec; the engine passes it on unread.
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
    """With this text the model announces a call; `before` + `begin` starts with it."""
    trigger_token_id: int | None = None
    """Where the trigger is a single control token of the vocabulary: that token."""


class ToolCalls(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of declared functions."""

    tools: tuple[ToolSpec, ...]
    syntax: CallSyntax
    is_required: bool
    """False: the model may write text instead, until it writes the trigger."""
    max_calls: int


class Thinking(msgspec.Struct, frozen=True, kw_only=True):
    """Free text that comes before what the constraint is about."""

    end: str
    """The text that ends it, such as `</think>`."""
    end_token_id: int | None = None
    """Where that text is a single control token of the vocabulary: that token."""
    max_tokens: int
    """After so many tokens the end is forced, so that the answer fits."""


class ConstraintSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Names a constraint; the engine hands it to the factory it was built with.

    At most one of `json_object`, `schema` is set; beside `tool_calls` it takes the place of free text.
    """

    json_object: bool = False
    """One JSON object, whatever it holds."""
    schema: str | None = None
    """One JSON document of this JSON Schema, given as JSON text."""
    is_strict: bool = True
    """False: keywords of the schema that no grammar carries are left to the caller's check."""
    tool_calls: ToolCalls | None = None
    thinking: Thinking | None = None
