"""The tool formats of model families: how they are offered tools and write calls.

The markers in a model's chat template select its format. A template without tools, or with a format
that is not listed here, gets the generic format: a system message of ours offers the tools and asks for
the Hermes syntax, which is common in training data.

Sources: the chat templates in the tokenizer files of Hermes 2 Pro, Qwen 2.5 and 3, Llama 3.1 to 3.3,
Mistral 7B v0.3 and Small 3; mistral-common's tokenizers v3, v11 and v13.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec import structs

from galop.protocol.constraints import CallSyntax

ToolFormatName = Literal["hermes", "llama3", "mistral", "mistral_args", "generic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFormat:
    """How the models of one family are offered tools and write calls."""

    name: ToolFormatName
    syntax: CallSyntax
    is_native: bool
    """True: the template renders tools, calls and results. False: we render them as text."""
    document_syntax: CallSyntax | None = None
    """Replaces `syntax` in JSON mode if a call in `syntax` could be the document; None: it could not."""
    has_parallel_calls: bool = True
    """False: the template raises on more than one call in a message."""
    call_id_length: int | None = None
    """Call ids must be alphanumeric and of this length; None: any id."""


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
"""Models of this family write the tag in some answers and omit it in others."""
_MISTRAL_ARGS = CallSyntax(
    begin="[TOOL_CALLS]", before_arguments="[ARGS]", end="", trigger="[TOOL_CALLS]"
)


def _mistral_syntax(source: str) -> CallSyntax:
    # Vocabularies before 2024-07 put a space after a control token, and templates write it.
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


def tool_format_of(source: str | None, *, takes_tools: bool) -> ToolFormat:
    """The tool format of a chat template. `source` None: the model file has no template.

    `takes_tools`: the template reads the variable `tools`.
    """
    text = source or ""
    if takes_tools and "[TOOL_CALLS]" in text:
        return _mistral(text)
    # Qwen 3 Coder and GLM write the arguments as XML inside the same tags.
    if takes_tools and "<tool_call>" in text and not _has_any(text, "<function=", "<arg_key>"):
        return ToolFormat(name="hermes", syntax=hermes_syntax(), is_native=True)
    if takes_tools and "<|start_header_id|>" in text and '"parameters": ' in text:
        return ToolFormat(
            name="llama3",
            syntax=_LLAMA3,
            is_native=True,
            document_syntax=_LLAMA3_TAGGED,
            has_parallel_calls=False,
        )
    return ToolFormat(name="generic", syntax=hermes_syntax(), is_native=False)


def _mistral(source: str) -> ToolFormat:
    has_short_ids = _has_any(source, "length 9", "length != 9", "== 9")
    is_newer = "[ARGS]" in source
    return ToolFormat(
        name="mistral_args" if is_newer else "mistral",
        syntax=_MISTRAL_ARGS if is_newer else _mistral_syntax(source),
        is_native=True,
        call_id_length=9 if has_short_ids else None,
    )


def _has_any(text: str, *markers: str) -> bool:
    return any(marker in text for marker in markers)
