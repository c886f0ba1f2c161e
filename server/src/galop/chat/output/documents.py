"""Answers that are JSON documents: the instruction, the constraint, the check, the closing of a document."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from galop.chat.errors import InvalidSchemaError
from galop.chat.prompt.system_text import with_system_text
from galop.chat.request import ChatRequest, JsonSchemaFormat, TemplateMessage
from galop.grammar.errors import SchemaError
from galop.protocol.constraints import ConstraintSpec

if TYPE_CHECKING:
    from galop.grammar.text import DocumentText

INSTRUCTION = "Answer with one JSON object and nothing else."
"""Added if no message mentions JSON. Without it, a constrained model fills the keys with prose."""
SCHEMA_INSTRUCTION = (
    "Answer with one JSON document that follows this JSON Schema, and nothing else:"
)
"""Added with the schema unless the messages hold all names of its properties. The model does not see the
constraint."""


class DocumentSpec(Protocol):
    """The JSON documents that a request asks for."""

    @property
    def constraint(self) -> ConstraintSpec:
        """The engine's constraint."""

    @property
    def description(self) -> str:
        """A noun phrase for error messages: "the text is not ..."."""

    def with_instruction(self, messages: Sequence[TemplateMessage]) -> Sequence[TemplateMessage]:
        """The messages, with an instruction in the system message unless they make it unnecessary."""

    def is_valid(self, text: str) -> bool:
        """True if `text` is a whole, valid document."""

    def ending(self, beginning: str) -> str | None:
        """The shortest text that completes a document's `beginning`; None if none was found."""


class JsonObjectSpec:
    """JSON mode: any object."""

    constraint = ConstraintSpec(json_object=True)
    description = "a JSON object"

    def with_instruction(self, messages: Sequence[TemplateMessage]) -> Sequence[TemplateMessage]:
        """See `DocumentSpec.with_instruction`."""
        if any("json" in str(message["content"]).lower() for message in messages):
            return messages
        return with_system_text(messages, INSTRUCTION)

    def is_valid(self, text: str) -> bool:
        """True for one object by RFC 8259, without lone surrogates or numbers beyond a double."""
        return isinstance(_decoded(text), dict)

    def ending(self, beginning: str) -> str | None:
        """See `DocumentSpec.ending`."""
        return _json_object_text().ending(beginning)


class JsonSchemaSpec:
    """Documents that follow one schema."""

    description = "a JSON document that follows the schema"

    def __init__(self, schema_format: JsonSchemaFormat) -> None:
        """Raises `SchemaError`."""
        from galop.grammar.text import document_text  # loads llguidance: not at the start

        self.constraint = ConstraintSpec(
            schema=schema_format.schema, is_strict=schema_format.is_strict
        )
        self._format = schema_format
        self._text = document_text(schema_format.schema)
        self._compiled = self._text.schema
        self._text.check(is_strict=schema_format.is_strict)

    def with_instruction(self, messages: Sequence[TemplateMessage]) -> Sequence[TemplateMessage]:
        """See `DocumentSpec.with_instruction`."""
        text = "\n".join(str(message["content"]) for message in messages)
        names = self._compiled.member_names
        if names and all(name in text for name in names):
            return messages
        lines = [SCHEMA_INSTRUCTION, self._format.schema]
        if self._format.description:
            lines.insert(0, self._format.description)
        return with_system_text(messages, "\n".join(lines))

    def is_valid(self, text: str) -> bool:
        """True for one document that is valid under the schema, formats included."""
        return _decoded(text) is not _NOTHING and self._compiled.is_valid(text)

    def ending(self, beginning: str) -> str | None:
        """See `DocumentSpec.ending`."""
        return self._text.ending(beginning)


def document_spec(request: ChatRequest) -> DocumentSpec | None:
    """The documents of a request; None for free text. Raises `InvalidSchemaError`.

    Milliseconds for a schema that is not in the cache: call it on a thread.
    """
    if request.json_schema is not None:
        try:
            return JsonSchemaSpec(request.json_schema)
        except SchemaError as error:
            raise InvalidSchemaError(
                request.json_schema.name, pointer=error.pointer, reason=error.reason
            ) from error
    return _JSON_OBJECT if request.response_format == "json_object" else None


_JSON_OBJECT = JsonObjectSpec()
_NOTHING = object()


@cache
def _json_object_text() -> DocumentText:
    from galop.grammar.calls import json_object_schema  # loads llguidance: not at the start
    from galop.grammar.text import DocumentText

    return DocumentText(json_object_schema())


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _NOTHING
