"""Text of the server's in the system message."""

from __future__ import annotations

from galop.chat.prompt.system_text import with_system_text

USER = {"role": "user", "content": "Hi"}


def test_text_is_appended_to_the_system_message() -> None:
    """After an empty line; the given messages stay unchanged."""
    system = {"role": "system", "content": "Be brief.", "name": "s"}
    messages = with_system_text([system, USER], "Use JSON.")
    assert messages == [{**system, "content": "Be brief.\n\nUse JSON."}, USER]
    assert system["content"] == "Be brief."


def test_a_missing_system_message_is_added_first() -> None:
    """Also if there is a later one, which templates may refuse to move."""
    late = {"role": "system", "content": "late"}
    added = {"role": "system", "content": "Use JSON."}
    assert with_system_text([USER, late], "Use JSON.") == [added, USER, late]
    assert with_system_text([], "Use JSON.") == [added]
