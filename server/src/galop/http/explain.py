"""What is wrong with a request, in words that clients already parse.

msgspec says "Expected `str`, got `int` - at `$.messages[0].content`"; Groq's clients know
"'messages.0' : for 'role:user' the following must be satisfied[( 'messages.0.content' : value must
be a string )]". This module translates. It decides nothing: a request that comes here is refused.

Grammar: Chat Completions API, schema errors (no code, `param` is a dotted path).
"""

from __future__ import annotations

import difflib
import functools
import re
from typing import Any, get_args, get_type_hints

from msgspec import Meta

from galop.http.compat import PARAMETERS_2024
from galop.http.errors import InvalidRequestError
from galop.http.schema import (
    AssistantMessage,
    CalledFunction,
    ChatCompletionRequest,
    FunctionDefinition,
    FunctionMessage,
    JsonObjectFormat,
    StreamOptions,
    SystemMessage,
    TextPart,
    ToolCallEcho,
    ToolMessage,
    WireServiceTier,
)
from galop.protocol.literals import Compat, ReasoningEffort, ReasoningFormat, ToolChoice

Path = tuple[str, ...]

_MAX_QUOTED_LENGTH = 64
_MESSAGES: dict[str, type] = {
    "system": SystemMessage,
    "developer": SystemMessage,
    "user": SystemMessage,
    "assistant": AssistantMessage,
    "tool": ToolMessage,
    "function": FunctionMessage,
}
_BUILT_IN_TOOLS = (
    "browser_search",
    "code_interpreter",
    "mcp",
    "web_search",
    "file_search",
    "custom",
)
_KNOWN_PARTS = ("image_url", "input_audio", "document", "file", "refusal", "video_url", "image")

_ALLOWED_VALUES = {
    "service_tier": get_args(WireServiceTier),
    "tool_choice": get_args(ToolChoice),
    "function_call": get_args(ToolChoice),
    "reasoning_format": get_args(ReasoningFormat),
    "reasoning_effort": get_args(ReasoningEffort),
    "modalities": ("text",),
}

_KIND = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "a boolean",
    "array": "an array",
    "object": "an object",
    "null": "null",
}

# What other servers call a field of ours, where spelling alone would not lead there.
_OTHER_NAMES = {
    "stop_sequences": "stop",
    "stop_strings": "stop",
    "max_new_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "max_length": "max_tokens",
    "num_predict": "max_tokens",
    "n_predict": "max_tokens",
    "prompt": "messages",
    "input": "messages",
    "random_seed": "seed",
    "format": "response_format",
    "num_choices": "n",
    "best_of": "n",
}


@functools.cache
def _fields(struct: type) -> dict[str, Meta]:
    hints = get_type_hints(struct, include_extras=True)
    metas = {
        name: [meta for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, Meta)]
        for name, hint in hints.items()
    }
    return {name: found[0] if found else Meta() for name, found in metas.items()}


def _reasons(struct: type) -> dict[str, str]:
    return {
        name: meta.extra["reason"]
        for name, meta in _fields(struct).items()
        if meta.extra and meta.extra["effect"] == "refused"
    }


REFUSED_PARAMETERS = _reasons(ChatCompletionRequest)
_REFUSED_IN_MESSAGE = _reasons(AssistantMessage)
_REFUSED_IN_FORMAT = _reasons(JsonObjectFormat)
_PLAIN = ("text", "json_object")
_HONOURED_PARAMETERS = [
    name
    for name, meta in _fields(ChatCompletionRequest).items()
    if meta.extra and meta.extra["effect"] == "honoured"
]


def refuse(param: str, reason: str) -> InvalidRequestError:
    """`param` (dotted path) is refused; `reason` is what must hold instead."""
    return InvalidRequestError(f"'{param}' : {reason}", param=param)


def refuse_by_name(param: str, reason: str) -> InvalidRequestError:
    """`param` is a field we know and do not implement."""
    return refuse(param, f"not supported: {reason}")


def unknown_parameter(name: str, *, compat: Compat) -> InvalidRequestError:
    """A top-level key that is in nobody's schema, or came later than `compat`."""
    known = _HONOURED_PARAMETERS
    if compat == "groq-2024":
        known = [parameter for parameter in known if parameter in PARAMETERS_2024]
    return InvalidRequestError(_unknown_property(name, known), param=quoted(name))


def unknown_message_key(index: int, role: str, name: str) -> InvalidRequestError:
    """A key of message `index` that its role does not have."""
    path = ("messages", str(index))
    return _in_message(path, role, path, _unknown_property(name, _message_keys(role)), name)


def explain(complaint: str, body: Any, *, compat: Compat) -> InvalidRequestError:
    """msgspec's `complaint` about `body` (the parsed JSON; None where it cannot be parsed)."""
    rule, path = _split(complaint)
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", rule, re.DOTALL):
        return _unknown(path, unknown[1], body, compat)
    if missing := re.fullmatch(r"Object missing required field `(.*)`", rule):
        return _missing(path, missing[1], body)
    if not path:
        return InvalidRequestError("The request body: value must be an object", param=None)
    if path[0] in REFUSED_PARAMETERS:
        return refuse_by_name(path[0], REFUSED_PARAMETERS[path[0]])
    if path[0] == "messages" and len(path) > 2:
        return _wrong_in_message(rule, path, body)
    if path[0] == "tools" and path[2:] == ("type",) and _at(body, path) in _BUILT_IN_TOOLS:
        return refuse_by_name(
            ".".join(path[:2]), f"tools of the type '{_at(body, path)}': only functions are called"
        )
    if path == ("response_format", "json_schema") and _at(body, path[:1]).get("type") in _PLAIN:
        return refuse_by_name("response_format.json_schema", _REFUSED_IN_FORMAT["json_schema"])
    return refuse(".".join(path), _sentence(rule, path, body))


def quoted(text: str) -> str:
    """`text` as it may appear in a message: no longer than a screen can show."""
    return text if len(text) <= _MAX_QUOTED_LENGTH else text[:_MAX_QUOTED_LENGTH] + "..."


# --- taking a complaint apart --------------------------------------------------------------------


def _split(complaint: str) -> tuple[str, Path]:
    rule, separator, location = complaint.rpartition(" - at `$")
    if not separator:
        return complaint, ()
    return rule, tuple(
        name or index for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", location.rstrip("`"))
    )


def _at(body: Any, path: Path) -> Any:
    for step in path:
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list) and step.isdecimal() and int(step) < len(body):
            body = body[int(step)]
        else:
            return None
    return body


def _role(body: Any, path: Path) -> str:
    role = _at(body, (*path[:2], "role"))
    return role if isinstance(role, str) and role in _MESSAGES else "?"


# --- putting a sentence together -----------------------------------------------------------------


def _sentence(rule: str, path: Path, body: Any) -> str:
    if expected := re.fullmatch(r"Expected `([^`]*)`(?:, got `(\w+)`)?", rule):
        return _wrong_type(expected[1].split(" | "), expected[2])
    if bound := re.fullmatch(r"Expected `(?:int|float)` (<=|>=) (-?[\d.]+)", rule):
        side = "at most" if bound[1] == "<=" else "at least"
        return f"number must be {side} {float(bound[2]):g}"
    if length := re.fullmatch(r"Expected `(\w+)` of length (<=|>=) (\d+)", rule):
        side = "maximum" if length[2] == "<=" else "minimum"
        counted = {"array": "number of items", "object": "number of properties"}
        return f"{side} {counted.get(length[1], 'string length')} is {length[3]}"
    if pattern := re.fullmatch(r"Expected `str` matching regex '(.*)'", rule):
        return f"value must match {pattern[1]}"
    if rule.startswith(("Invalid enum value", "Invalid value")):
        return _not_allowed(path, _at(body, path))
    if rule.endswith("out of range"):
        return "number is out of range"
    return rule


def _wrong_type(expected: list[str], got: str | None) -> str:
    if got == "null" and "null" not in expected:
        return "Value is not nullable"
    wanted = [f"value must be {_KIND.get(kind, kind)}" for kind in expected if kind != "null"]
    if not wanted:
        return "value must be null"
    if len(wanted) == 1:
        return wanted[0]
    return f"one of the following must be satisfied[( {' ) OR ( '.join(wanted)} )]"


def _not_allowed(path: Path, value: Any) -> str:
    allowed: tuple[str, ...] = next(
        (_ALLOWED_VALUES[step] for step in path if step in _ALLOWED_VALUES), ()
    )
    if path[0] == "response_format":
        allowed = ("text", "json_object", "json_schema")
    elif path[-1] == "role":
        allowed = tuple(_MESSAGES)
    elif path[-1] == "type":
        allowed = ("text",) if "content" in path else ("function",)
    return f"value is not one of the allowed values {_listed(allowed)}"


def _listed(values: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


def _unknown_property(name: str, known: list[str]) -> str:
    sentence = f"property '{quoted(name)}' is unsupported"
    suggestion = _OTHER_NAMES.get(name)
    if suggestion not in known:
        near = difflib.get_close_matches(name[:_MAX_QUOTED_LENGTH], known, n=1, cutoff=0.6)
        suggestion = near[0] if near else None
    return f"{sentence}, did you mean '{suggestion}'?" if suggestion else sentence


def _unknown(path: Path, name: str, body: Any, compat: Compat) -> InvalidRequestError:
    if not path:
        return unknown_parameter(name, compat=compat)
    if path[0] == "messages":
        role = _role(body, path)
        known = _message_keys(role) if len(path) == 2 else _keys_inside(path)
        return _in_message(path[:2], role, path, _unknown_property(name, known), name)
    known = _keys_inside(path)
    where = ".".join(path)
    return InvalidRequestError(
        f"'{where}' : {_unknown_property(name, known)}", param=f"{where}.{quoted(name)}"
    )


def _missing(path: Path, name: str, body: Any) -> InvalidRequestError:
    sentence = f"property '{name}' is missing"
    if not path:
        return InvalidRequestError(sentence, param=name)
    if path[0] == "messages" and name != "role":
        return _in_message(path[:2], _role(body, path), path, sentence, name)
    where = ".".join(path)
    return InvalidRequestError(f"'{where}' : {sentence}", param=f"{where}.{name}")


def _wrong_in_message(rule: str, path: Path, body: Any) -> InvalidRequestError:
    where = ".".join(path)
    value = _at(body, path)
    if len(path) == 3 and path[2] == "role":
        return refuse(where, _sentence(rule, path, body))
    if path[-1] == "type" and value in _KNOWN_PARTS:
        part = ".".join(path[:-1])
        return refuse_by_name(
            part, f"parts of the type '{value}': the models served here read text"
        )
    if len(path) >= 3 and path[2] in _REFUSED_IN_MESSAGE:
        return refuse_by_name(".".join(path[:3]), _REFUSED_IN_MESSAGE[path[2]])
    return _in_message(path[:2], _role(body, path), path, _sentence(rule, path, body))


def _message_keys(role: str) -> list[str]:
    fields = _fields(_MESSAGES.get(role, SystemMessage))
    return ["role", *(name for name in fields if name not in _REFUSED_IN_MESSAGE)]


def _keys_inside(path: Path) -> list[str]:
    """What the object at `path`, deeper than a message or a parameter of the request, may have."""
    if path[0] == "messages":
        if "content" in path:
            return ["type", *_fields(TextPart)]
        if path[-1] in ("function", "function_call"):
            return list(_fields(CalledFunction))
        return list(_fields(ToolCallEcho))
    if path[0] == "tools":
        is_function = path[-1] == "function"
        return list(_fields(FunctionDefinition)) if is_function else ["type", "function"]
    if path[0] == "functions":
        return list(_fields(FunctionDefinition))
    if path[0] in ("tool_choice", "function_call"):
        is_name = path[0] == "function_call" or path[-1] == "function"
        return ["name"] if is_name else ["type", "function"]
    struct = StreamOptions if path[0] == "stream_options" else JsonObjectFormat
    return [key for key in _fields(struct) if key not in _REFUSED_IN_FORMAT]


def _in_message(
    message: Path, role: str, inner: Path, sentence: str, key: str | None = None
) -> InvalidRequestError:
    param = ".".join((*inner, quoted(key)) if key is not None else inner)
    return InvalidRequestError(
        f"'{'.'.join(message)}' : for 'role:{role}' the following must be satisfied"
        f"[( '{'.'.join(inner)}' : {sentence} )]",
        param=param,
    )
