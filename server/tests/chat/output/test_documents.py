"""What JSON mode tells the model and what it checks."""

from __future__ import annotations

import pytest

from galop.chat.output.documents import INSTRUCTION, JsonObjectSpec

with_instruction = JsonObjectSpec().with_instruction
is_json_object = JsonObjectSpec().is_valid


def test_messages_that_mention_json_stay_as_they_are() -> None:
    """In upper or lower case, in any message."""
    messages = [{"role": "user", "content": "hi"}, {"role": "user", "content": "use JsOn"}]
    assert with_instruction(messages) == messages


def test_the_instruction_becomes_the_system_message() -> None:
    """If there is none."""
    messages = [{"role": "user", "content": "hi"}]
    assert with_instruction(messages) == [{"role": "system", "content": INSTRUCTION}, *messages]


def test_the_instruction_joins_the_system_message() -> None:
    """If there is one: many templates accept only one system message."""
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}]
    system, user = with_instruction(messages)
    assert system["content"] == f"Be kind.\n\n{INSTRUCTION}"
    assert user is messages[1]


@pytest.mark.parametrize("text", ["{}", '{"a":[1,2.5,null,"\\ud83d\\ude00"]}', ' {"a" : {}} '])
def test_objects_are_valid(text: str) -> None:
    """RFC 8259, an object at the top."""
    assert is_json_object(text)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "1", '{"a":1', '{"a":1}}', '{"a":NaN}', '{"a":1e999}', '{"a":"\\ud800"}', "{'a':1}"]
    + ['{"a":' * 100_000],
)
def test_everything_else_is_invalid(text: str) -> None:
    """Incomplete documents, other values, and what Python's own parser accepts beyond RFC 8259."""
    assert not is_json_object(text)
