"""What can be wrong with a conversation, or with the answer to it.

ChatError
├── ModelNotFoundError            no model or alias has this id
├── InvalidParameterError         a parameter is wrong in itself or beside another one
├── TemplateError                 the model's chat template refuses these messages
├── TemplateLimitError            the model's chat template takes too much for these messages
├── ContextLengthExceededError    the prompt does not fit into the context window
├── InvalidSchemaError            the JSON Schema of the response format cannot be kept
├── ToolUseFailedError            the output is not a whole call of a declared function
│   └── CallBudgetTooSmallError   no call fits into max_tokens
└── JsonValidateFailedError       the output is not a whole JSON document
"""

from __future__ import annotations

from typing import Literal


class ChatError(Exception):
    """Base of the faults that a caller can cause or must know about."""


class ModelNotFoundError(ChatError):
    """No model or alias is called `model`."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.model = model


class InvalidParameterError(ChatError):
    """`param` (dotted path, as in the request) is refused; `reason` is a sentence for the caller."""

    def __init__(self, param: str, reason: str) -> None:
        super().__init__(f"'{param}' : {reason}")
        self.param = param
        self.reason = reason


class TemplateError(ChatError):
    """The chat template raised on these messages, or rendered nothing; `reason` is its own text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TemplateLimitError(ChatError):
    """Rendering the chat template was ended: it needs more than `limit` of `unit`."""

    def __init__(
        self, unit: Literal["seconds", "characters", "MiB of memory"], limit: float
    ) -> None:
        super().__init__(f"more than {limit:,.12g} {unit}")
        self.unit = unit
        self.limit = limit


class ContextLengthExceededError(ChatError):
    """`num_prompt_tokens` were given and at most `max_prompt_tokens` fit into `context_window`."""

    def __init__(
        self, *, num_prompt_tokens: int, max_prompt_tokens: int, context_window: int
    ) -> None:
        super().__init__(f"{num_prompt_tokens} prompt tokens, {max_prompt_tokens} fit")
        self.num_prompt_tokens = num_prompt_tokens
        self.max_prompt_tokens = max_prompt_tokens
        self.context_window = context_window


class InvalidSchemaError(ChatError):
    """The schema `name` is refused at `pointer` (RFC 6901); `reason` is a clause about that place."""

    def __init__(self, name: str, *, pointer: str, reason: str) -> None:
        super().__init__(f"{name}: {pointer or '/'} {reason}")
        self.name = name
        self.pointer = pointer
        self.reason = reason


class ToolUseFailedError(ChatError):
    """A call was wanted and there is none, or not a whole one; `failed_generation` is the text there is."""

    def __init__(self, reason: str, *, failed_generation: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.failed_generation = failed_generation


class CallBudgetTooSmallError(ToolUseFailedError):
    """The smallest call takes `num_tokens_needed`, and only `num_tokens` are left for it."""

    def __init__(self, *, num_tokens_needed: int, num_tokens: int) -> None:
        reason = (
            "max completion tokens reached before generating a call: the smallest one takes "
            f"{num_tokens_needed} tokens, and {num_tokens} are left for it"
        )
        super().__init__(reason, failed_generation=reason)


class JsonValidateFailedError(ChatError):
    """The answer is not a whole JSON document; `failed_generation` is the text there is."""

    def __init__(self, reason: str, *, failed_generation: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.failed_generation = failed_generation
