"""The chat room: a conversation becomes a completion.

Others use `ChatService`, give it a `ChatTemplate`, and bring a `Tokenizer` and an `Engine`; the words
are in `request`, `events` and `errors`. Knows no HTTP and no model.
"""

from galop.chat.completion import ChatService, Engine, Generation
from galop.chat.template import ChatTemplate
from galop.chat.tokenizer import Tokenizer

__all__ = ["ChatService", "ChatTemplate", "Engine", "Generation", "Tokenizer"]
