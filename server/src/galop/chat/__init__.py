"""The chat room: completes conversations. Knows no HTTP and no backend.

Others use `ChatService` with a `ModelRegistry` of `ChatModel`s. A `ChatModel` is built from a `Tokenizer`, an
`EngineClient` and a `ChatTemplate`, which a `RenderingPool` renders. The data types are in `request`,
`events` and `errors`.
"""

from galop.chat.models import ChatModel, EngineClient, Generation, ModelEntry, ModelRegistry
from galop.chat.prompt.rendering import RenderingPool
from galop.chat.prompt.template import ChatTemplate
from galop.chat.service import ChatService, Meter, PreparedRequest
from galop.chat.tokenizer import Tokenizer

__all__ = [
    "ChatModel",
    "ChatService",
    "ChatTemplate",
    "EngineClient",
    "Generation",
    "Meter",
    "ModelEntry",
    "ModelRegistry",
    "PreparedRequest",
    "RenderingPool",
    "Tokenizer",
]
