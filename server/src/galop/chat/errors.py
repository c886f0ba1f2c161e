"""Errors of a conversation or of the model's answer to it.

ChatError
├── ModelNotFoundError            no model or alias has this id
├── InvalidParameterError         a parameter is invalid, alone or together with another one
├── TemplateError                 the model's chat template fails on these messages
├── TemplateLimitError            rendering the chat template exceeds a limit
├── ContextLengthExceededError    the prompt does not fit into the context window
├── InvalidSchemaError            the JSON Schema of the response format is refused
├── ToolUseFailedError            the answer is not a valid call of a declared function
│   └── CallBudgetTooSmallError   no call fits into max_tokens
└── JsonValidateFailedError       the answer is not a valid JSON document
"""

from __future__ import annotations

from typing import Literal


class ChatError(Exception):
    """Base of this room's errors."""


class ModelNotFoundError(ChatError):
    """No model or alias has the id `model`."""

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
    """The chat template raised `reason` on these messages, or rendered nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TemplateLimitError(ChatError):
    """Rendering the chat template was stopped at `limit`, in `unit`."""

    def __init__(
        self, unit: Literal["seconds", "characters", "MiB of memory"], limit: float
    ) -> None:
        super().__init__(f"more than {limit:,.12g} {unit}")
        self.unit = unit
        self.limit = limit


class ContextLengthExceededError(ChatError):
    """The prompt has `num_prompt_tokens`; `max_prompt_tokens` fit into `context_window`."""

    def __init__(
        self, *, num_prompt_tokens: int, max_prompt_tokens: int, context_window: int
    ) -> None:
        super().__init__(f"{num_prompt_tokens} prompt tokens, {max_prompt_tokens} fit")
        self.num_prompt_tokens = num_prompt_tokens
        self.max_prompt_tokens = max_prompt_tokens
        self.context_window = context_window


class InvalidSchemaError(ChatError):
    """The schema `name` is refused at `pointer` (RFC 6901); `reason` is a clause."""

    def __init__(self, name: str, *, pointer: str, reason: str) -> None:
        super().__init__(f"{name}: {pointer or '/'} {reason}")
        self.name = name
        self.pointer = pointer
        self.reason = reason


class ToolUseFailedError(ChatError):
    """A required call is missing, or a call is invalid; `failed_generation` is the generated text."""

    def __init__(self, reason: str, *, failed_generation: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.failed_generation = failed_generation


class CallBudgetTooSmallError(ToolUseFailedError):
    """The smallest call takes `num_tokens_needed`, more than the `num_tokens` that are left for it."""

    def __init__(self, *, num_tokens_needed: int, num_tokens: int) -> None:
        reason = (
            "max completion tokens reached before generating a call: the smallest one takes "
            f"{num_tokens_needed} tokens, and {num_tokens} are left for it"
        )
        super().__init__(reason, failed_generation=reason)


class JsonValidateFailedError(ChatError):
    """The answer is not a valid JSON document; `failed_generation` is the generated text."""

    def __init__(self, reason: str, *, failed_generation: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.failed_generation = failed_generation
