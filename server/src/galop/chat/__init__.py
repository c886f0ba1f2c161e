"""The chat room: a conversation becomes a completion.

Others use `ChatService` with a `ModelRegistry` of `ChatModel`s, for which they bring a `ChatTemplate` that
a `RenderingPool` renders, a `Tokenizer` and an `Engine`; the words are in `request`, `events` and `errors`. Knows no HTTP and no backend.
"""

from galop.chat.models import ChatModel, Engine, Generation, ModelEntry, ModelRegistry
from galop.chat.prompt.rendering import RenderingPool
from galop.chat.prompt.template import ChatTemplate
from galop.chat.service import ChatService, Meter, PreparedRequest
from galop.chat.tokenizer import Tokenizer

__all__ = [
    "ChatModel",
    "ChatService",
    "ChatTemplate",
    "Engine",
    "Generation",
    "Meter",
    "ModelEntry",
    "ModelRegistry",
    "PreparedRequest",
    "RenderingPool",
    "Tokenizer",
]
