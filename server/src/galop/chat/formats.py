"""How model families write calls of functions: one table, chosen by the model's chat template.

A family is recognised by the markers its template writes. Where the template does not take tools, or
writes calls in a way that is not in the table, the generic family offers the functions by a system
text of ours, in the Hermes syntax, which most models have seen in training.

Sources: the chat templates in the tokenizer files of Hermes 2 Pro, Qwen 2.5 and 3, Llama 3.1 to 3.3,
Mistral 7B v0.3 and Small 3; mistral-common's tokenizers v3, v11 and v13.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec import structs

from galop.protocol.constraints import CallSyntax

FamilyName = Literal["hermes", "llama3", "mistral", "mistral_args", "generic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFamily:
    """How models of one kind are offered functions, and call them."""

    name: FamilyName
    syntax: CallSyntax
    is_native: bool
    """True: the template takes `tools`, calls and results. False: they are turned into text for it."""
    document_syntax: CallSyntax | None = None
    """Where the answer may be a JSON document instead, if `syntax` could begin one; None: the same."""
    has_parallel_calls: bool = True
    """False: models of this kind call one function at a time, and their templates insist on it."""
    call_id_length: int | None = None
    """The only length of call ids that the template takes (alphanumeric then); None: any."""


def hermes_syntax() -> CallSyntax:
    """`<tool_call>`, a JSON object on a line of its own, `</tool_call>`."""
    return CallSyntax(
        begin='<tool_call>\n{"name": "',
        before_arguments='", "arguments": ',
        end="}\n</tool_call>",
        separator="\n",
        trigger="<tool_call>",
    )


_LLAMA3 = CallSyntax(
    begin='{"name": "', before_arguments='", "parameters": ', end="}", trigger='{"name": "'
)
_LLAMA3_TAGGED = structs.replace(_LLAMA3, before="<|python_tag|>", trigger="<|python_tag|>")
"""Models of this family write the tag or not, as they please."""
_MISTRAL_ARGS = CallSyntax(
    begin="[TOOL_CALLS]", before_arguments="[ARGS]", end="", trigger="[TOOL_CALLS]"
)


def _mistral_syntax(source: str) -> CallSyntax:
    # Vocabularies of before 2024-07 put a space behind a control token, and templates write it.
    opening = "[TOOL_CALLS] [" if "[TOOL_CALLS] [" in source else "[TOOL_CALLS]["
    return CallSyntax(
        before=opening,
        begin='{"name": "',
        before_arguments='", "arguments": ',
        end="}",
        separator=", ",
        after="]",
        trigger="[TOOL_CALLS]",
    )


def family_of(source: str | None, *, takes_tools: bool) -> ToolFamily:
    """The family of a chat template. `source` None: a file without one.

    `takes_tools`: the template reads the variable `tools`.
    """
    text = source or ""
    if takes_tools and "[TOOL_CALLS]" in text:
        return _mistral(text)
    # Qwen 3 Coder and GLM write their arguments as XML inside the same tags.
    if takes_tools and "<tool_call>" in text and not _has_any(text, "<function=", "<arg_key>"):
        return ToolFamily(name="hermes", syntax=hermes_syntax(), is_native=True)
    if takes_tools and "<|start_header_id|>" in text and '"parameters": ' in text:
        return ToolFamily(
            name="llama3",
            syntax=_LLAMA3,
            is_native=True,
            document_syntax=_LLAMA3_TAGGED,
            has_parallel_calls=False,
        )
    return ToolFamily(name="generic", syntax=hermes_syntax(), is_native=False)


def _mistral(source: str) -> ToolFamily:
    has_short_ids = _has_any(source, "length 9", "length != 9", "== 9")
    is_newer = "[ARGS]" in source
    return ToolFamily(
        name="mistral_args" if is_newer else "mistral",
        syntax=_MISTRAL_ARGS if is_newer else _mistral_syntax(source),
        is_native=True,
        call_id_length=9 if has_short_ids else None,
    )


def _has_any(text: str, *markers: str) -> bool:
    return any(marker in text for marker in markers)
