"""A model without weights, for tests of this and other projects.

These names are stable; the module that defines them is not.
"""

from galop.backends.scripted import (
    END,
    START,
    UNUSED,
    VOCAB_SIZE,
    Reply,
    ScriptedModel,
    ScriptedTokenizer,
    repeat_last_user_message,
)

__all__ = [
    "END",
    "START",
    "UNUSED",
    "VOCAB_SIZE",
    "Reply",
    "ScriptedModel",
    "ScriptedTokenizer",
    "repeat_last_user_message",
]
