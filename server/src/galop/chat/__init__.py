"""The chat room: a conversation becomes a completion. Knows no HTTP and no kernels."""

from galop.chat.completion import ChatService
from galop.chat.template import ChatTemplate
from galop.chat.tokenizer import Tokenizer

__all__ = ["ChatService", "ChatTemplate", "Tokenizer"]
