"""Chunks folded into a completion. Pure, and linear in the length of the stream.

Parts are kept in lists and joined once, when the result is asked for; adding a chunk never looks
at what came before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._models import construct_type

if TYPE_CHECKING:
    from .types.chat.chat_completion import ChatCompletion
    from .types.chat.chat_completion_chunk import ChatCompletionChunk, ChoiceDelta


class ToolCallParts:
    """One tool call in the making."""

    __slots__ = ("_arguments", "id", "index", "name", "type")

    def __init__(self, index: int) -> None:
        self.index = index
        self.id: str | None = None
        self.type: str | None = None
        self.name: str | None = None
        self._arguments: list[str] = []

    def add(self, delta: Any) -> str:
        """Take a delta in; return the arguments text it added."""
        self.id = delta.id or self.id
        self.type = delta.type or self.type
        added = ""
        function = delta.function
        if function is not None:
            self.name = function.name or self.name
            added = function.arguments or ""
            if added:
                self._arguments.append(added)
        return added

    @property
    def arguments(self) -> str:
        if len(self._arguments) > 1:
            self._arguments = ["".join(self._arguments)]
        return self._arguments[0] if self._arguments else ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id or "",
            "type": self.type or "function",
            "function": {"name": self.name or "", "arguments": self.arguments},
        }


class ChoiceParts:
    """One choice in the making."""

    __slots__ = (
        "_content",
        "_reasoning",
        "annotations",
        "executed_tools",
        "extra",
        "finish_reason",
        "function_arguments",
        "function_name",
        "has_content",
        "index",
        "logprobs",
        "role",
        "tool_calls",
    )

    def __init__(self, index: int) -> None:
        self.index = index
        self.role = "assistant"
        self.has_content = False
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self.tool_calls: dict[int, ToolCallParts] = {}
        self.function_name: str | None = None
        self.function_arguments: list[str] = []
        self.annotations: list[Any] = []
        self.executed_tools: list[Any] = []
        self.logprobs: list[Any] | None = None
        self.finish_reason: str | None = None
        self.extra: dict[str, Any] = {}

    @property
    def content(self) -> str:
        """The text so far. Joining collapses the parts, so asking often stays cheap."""
        if len(self._content) > 1:
            self._content = ["".join(self._content)]
        return self._content[0] if self._content else ""

    @property
    def reasoning(self) -> str:
        if len(self._reasoning) > 1:
            self._reasoning = ["".join(self._reasoning)]
        return self._reasoning[0] if self._reasoning else ""

    def add(self, delta: ChoiceDelta) -> None:
        content = delta.content
        if content is not None:
            self.has_content = True
            if content:
                self._content.append(content)
        # What was not sent is not looked for: most deltas are a content and nothing else.
        given = delta.model_fields_set
        if content is None or len(given) > 1:
            if delta.role is not None:
                self.role = delta.role
            if delta.reasoning:
                self._reasoning.append(delta.reasoning)
            for call in delta.tool_calls or ():
                self.tool_call(call.index).add(call)
            if delta.function_call is not None:
                self.function_name = delta.function_call.name or self.function_name
                self.function_arguments.append(delta.function_call.arguments or "")
            self.annotations.extend(delta.annotations or ())
            self.executed_tools.extend(delta.executed_tools or ())
            if delta.__pydantic_extra__:
                self.extra.update(delta.__pydantic_extra__)

    def tool_call(self, index: int) -> ToolCallParts:
        call = self.tool_calls.get(index)
        if call is None:
            call = self.tool_calls[index] = ToolCallParts(index)
        return call

    def to_dict(self) -> dict[str, Any]:
        message: dict[str, Any] = {**self.extra, "role": self.role}
        if self.has_content or not self.tool_calls:
            message["content"] = self.content
        if self._reasoning:
            message["reasoning"] = self.reasoning
        if self.tool_calls:
            message["tool_calls"] = [
                self.tool_calls[index].to_dict() for index in sorted(self.tool_calls)
            ]
        if self.function_name is not None:
            message["function_call"] = {
                "name": self.function_name,
                "arguments": "".join(self.function_arguments),
            }
        if self.annotations:
            message["annotations"] = [item.to_dict() for item in self.annotations]
        if self.executed_tools:
            message["executed_tools"] = [item.to_dict() for item in self.executed_tools]
        logprobs = None
        if self.logprobs is not None:
            logprobs = {"content": [token.to_dict() for token in self.logprobs]}
        return {
            "index": self.index,
            "message": message,
            "logprobs": logprobs,
            "finish_reason": self.finish_reason,
        }


class ChatCompletionAccumulator:
    """Folds the chunks of one stream; `completion()` is the answer so far.

        accumulator = ChatCompletionAccumulator()
        for chunk in stream:
            accumulator.add(chunk)
        message = accumulator.completion().choices[0].message

    A stream that was cut off gives a completion with `finish_reason` None.
    """

    def __init__(self) -> None:
        self.choices: dict[int, ChoiceParts] = {}
        self._head: dict[str, Any] = {}
        self._usage: Any = None
        self._x_groq: dict[str, Any] = {}

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Take in the next chunk."""
        for choice in chunk.choices or ():
            parts = self.choices.get(choice.index)
            if parts is None:
                parts = self.choices[choice.index] = ChoiceParts(choice.index)
            if choice.delta is not None:
                parts.add(choice.delta)
            if choice.finish_reason is not None:
                parts.finish_reason = choice.finish_reason
            logprobs = choice.logprobs
            if logprobs is not None and logprobs.content:
                if parts.logprobs is None:
                    parts.logprobs = []
                parts.logprobs.extend(logprobs.content)
        if not self._head:
            self._head = {"id": chunk.id, "created": chunk.created, "model": chunk.model}
        if chunk.system_fingerprint is not None:
            self._head["system_fingerprint"] = chunk.system_fingerprint
        if chunk.usage is not None:
            self._usage = chunk.usage
        x_groq = chunk.x_groq
        if x_groq is not None:
            self._usage = self._usage or x_groq.usage
            self._x_groq.update(x_groq.to_dict())
            self._x_groq.pop("usage", None)
        if chunk.__pydantic_extra__:
            self._head.update(chunk.__pydantic_extra__)

    @property
    def text(self) -> str:
        """The content of the first choice so far."""
        parts = self.choices.get(0)
        return "" if parts is None else parts.content

    def completion(self) -> ChatCompletion:
        """The answer so far, as if it had not been streamed."""
        from .types.chat.chat_completion import ChatCompletion

        fields: dict[str, Any] = {
            **self._head,
            "object": "chat.completion",
            "choices": [self.choices[index].to_dict() for index in sorted(self.choices)],
        }
        if self._usage is not None:
            fields["usage"] = self._usage.to_dict()
        if self._x_groq:
            fields["x_groq"] = self._x_groq
        completion: ChatCompletion = construct_type(value=fields, type_=ChatCompletion)
        return completion


ChatCompletionAccumulator.__module__ = "groq"
