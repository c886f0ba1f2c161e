"""Answers that are JSON documents: what the model is told before, what it may write, what is checked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from galop.chat.errors import InvalidSchemaError
from galop.chat.output.json_stop import closing_text
from galop.chat.prompt.system_text import with_system_text
from galop.chat.request import ChatRequest, JsonSchemaFormat, TemplateMessage
from galop.grammar.errors import SchemaError
from galop.protocol.constraints import ConstraintSpec

if TYPE_CHECKING:
    from galop.grammar.compiled_schema import CompiledSchema

INSTRUCTION = "Answer with one JSON object and nothing else."
"""Added where no message mentions JSON: a model that does not know what is wanted, and may write
nothing else, fills the keys with prose."""
SCHEMA_INSTRUCTION = (
    "Answer with one JSON document that follows this JSON Schema, and nothing else:"
)
"""Added, with the schema, where no message holds the names of its properties: the constraint keeps
the model from writing anything else, but does not tell it what is wanted."""


class DocumentKind(Protocol):
    """The documents that one request asks for."""

    @property
    def spec(self) -> ConstraintSpec:
        """What the engine is asked to allow."""

    @property
    def description(self) -> str:
        """What a text that is not one of them is not, as in "the text is not ..."."""

    def with_instruction(self, messages: Sequence[TemplateMessage]) -> Sequence[TemplateMessage]:
        """The messages, with what the model must know added to the system message if it is missing."""

    def is_valid(self, text: str) -> bool:
        """True for a whole document."""

    def ending(self, beginning: str) -> str | None:
        """The shortest text that makes a beginning whole; None if none was found."""


class JsonObjectKind:
    """JSON mode: any object."""

    spec = ConstraintSpec(json_object=True)
    description = "a JSON object"

    def with_instruction(self, messages: Sequence[TemplateMessage]) -> Sequence[TemplateMessage]:
        """See `DocumentKind.with_instruction`."""
        if any("json" in str(message["content"]).lower() for message in messages):
            return messages
        return with_system_text(messages, INSTRUCTION)

    def is_valid(self, text: str) -> bool:
        """True for one object by RFC 8259, without lone surrogates or numbers beyond a double."""
        return isinstance(_decoded(text), dict)

    def ending(self, beginning: str) -> str | None:
        """See `DocumentKind.ending`."""
        return closing_text(beginning)


class JsonSchemaKind:
    """Documents of one schema."""

    description = "a JSON document that follows the schema"

    def __init__(self, wanted: JsonSchemaFormat, shape: CompiledSchema) -> None:
        self.spec = ConstraintSpec(schema=wanted.schema, is_strict=wanted.is_strict)
        self._wanted = wanted
        self._shape = shape
        from galop.grammar.text import DocumentText  # loads llguidance: not at the start

        self._text = DocumentText(shape)
        if wanted.is_strict:
            self._text.check()

    def with_instruction(self, messages: Sequence[TemplateMessage]) -> Sequence[TemplateMessage]:
        """See `DocumentKind.with_instruction`."""
        text = "\n".join(str(message["content"]) for message in messages)
        names = self._shape.member_names
        if names and all(name in text for name in names):
            return messages
        lines = [SCHEMA_INSTRUCTION, self._wanted.schema]
        if self._wanted.description:
            lines.insert(0, self._wanted.description)
        return with_system_text(messages, "\n".join(lines))

    def is_valid(self, text: str) -> bool:
        """True for one document that the schema validates, formats included."""
        return _decoded(text) is not _NOTHING and self._shape.is_valid(text)

    def ending(self, beginning: str) -> str | None:
        """See `DocumentKind.ending`."""
        return self._text.ending(beginning)


def document_kind(request: ChatRequest) -> DocumentKind | None:
    """None where the answer is free text. Raises `InvalidSchemaError`.

    OutputSpec a schema for the first time takes milliseconds.
    """
    if request.json_schema is not None:
        try:
            return _json_schema_kind(request.json_schema)
        except SchemaError as error:
            raise InvalidSchemaError(
                request.json_schema.name, pointer=error.pointer, reason=error.reason
            ) from error
    return _JSON_OBJECT if request.response_format == "json_object" else None


_JSON_OBJECT = JsonObjectKind()
_NOTHING = object()


@lru_cache(maxsize=128)
def _json_schema_kind(wanted: JsonSchemaFormat) -> JsonSchemaKind:
    from galop.grammar.compiled_schema import compile_schema  # likewise

    return JsonSchemaKind(wanted, compile_schema(wanted.schema))


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _NOTHING
