"""Prepares conversations with tools, calls and results for the model's chat template."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from galop.chat.formats import ToolFormat, hermes_syntax
from galop.chat.prompt.system_text import with_system_text
from galop.chat.request import TemplateMessage, Tool
from galop.chat.tools.toolset import template_tools

# Any in this module: JSON.

_OFFER = """\
You may call these functions. Each line is one of them, with a JSON Schema of its arguments:
<tools>
{tools}
</tools>
To call a function, write its name and its arguments like this:
{example}
The result is then given to you inside <tool_response></tool_response>. Answer without a call where \
none is needed."""


def template_input(
    messages: Sequence[TemplateMessage], tools: Sequence[Tool], tool_format: ToolFormat
) -> tuple[Sequence[TemplateMessage], list[dict[str, Any]] | None]:
    """The template's variables `messages` and `tools`.

    `tools`: empty if none may be called; then none is offered.
    """
    has_calls = any(message["role"] == "tool" or "tool_calls" in message for message in messages)
    if tool_format.is_native:
        prepared = _native(messages, tool_format) if has_calls else messages
        return prepared, template_tools(tools) if tools else None
    prepared = _as_text(messages) if has_calls else messages
    if tools:
        prepared = with_system_text(prepared, _offer(tools))
    return prepared, None


# --- templates that render calls ------------------------------------------------------------------


def _native(messages: Sequence[TemplateMessage], tool_format: ToolFormat) -> list[TemplateMessage]:
    prepared = list(messages)
    if not tool_format.has_parallel_calls:
        prepared = list(_one_call_a_message(prepared))
    if tool_format.call_id_length is not None:
        prepared = [_with_short_ids(message, tool_format.call_id_length) for message in prepared]
    return prepared


def _one_call_a_message(messages: Sequence[TemplateMessage]) -> Iterator[TemplateMessage]:
    """Split messages with several calls: one message per call, followed by its result."""
    results = {
        message["tool_call_id"]: message for message in messages if message["role"] == "tool"
    }
    moved: set[str] = set()
    for message in messages:
        if message["role"] == "tool" and message["tool_call_id"] in moved:
            continue
        calls = message.get("tool_calls", ())
        if len(calls) < 2:
            yield message
            continue
        for index, call in enumerate(calls):
            content = message["content"] if index == 0 else ""
            yield {**message, "content": content, "tool_calls": [call]}
            if call["id"] in results:
                moved.add(call["id"])
                yield results[call["id"]]


def _with_short_ids(message: TemplateMessage, length: int) -> TemplateMessage:
    if message["role"] == "tool":
        return {**message, "tool_call_id": _short_id(message["tool_call_id"], length)}
    if "tool_calls" not in message:
        return message
    calls = [{**call, "id": _short_id(call["id"], length)} for call in message["tool_calls"]]
    return {**message, "tool_calls": calls}


def _short_id(call_id: str, length: int) -> str:
    if len(call_id) == length and call_id.isascii() and call_id.isalnum():
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:length]


# --- templates that do not ------------------------------------------------------------------------


def _offer(tools: Sequence[Tool]) -> str:
    lines = "\n".join(_to_json(tool) for tool in template_tools(tools))
    return _OFFER.format(tools=lines, example=_call_text("NAME", {"...": "..."}))


def _as_text(messages: Sequence[TemplateMessage]) -> list[TemplateMessage]:
    """Write calls as text, in the generic format; consecutive results as one user message."""
    written: list[TemplateMessage] = []
    for message in messages:
        if message["role"] != "tool":
            written.append(_without_calls(message))
            continue
        result = f"<tool_response>\n{message['content']}\n</tool_response>"
        if written and written[-1].get("is_result"):
            result = f"{written.pop()['content']}\n{result}"
        written.append({"role": "user", "content": result, "is_result": True})
    return [
        {key: value for key, value in message.items() if key != "is_result"} for message in written
    ]


def _without_calls(message: TemplateMessage) -> TemplateMessage:
    calls = message.get("tool_calls", ())
    texts = [_call_text(each["function"]["name"], each["function"]["arguments"]) for each in calls]
    content = "\n".join(filter(None, [message["content"], *texts]))
    return {
        **{key: value for key, value in message.items() if key != "tool_calls"},
        "content": content,
    }


def _call_text(name: str, arguments: object) -> str:
    syntax = hermes_syntax()
    return f"{syntax.begin}{name}{syntax.before_arguments}{_to_json(arguments)}{syntax.end}"


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
