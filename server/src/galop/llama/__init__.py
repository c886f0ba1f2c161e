"""The llama room: the only importer of llama_cpp. Implements what `engine` and `chat` ask for."""

from galop.llama.errors import ModelError
from galop.llama.model import LlamaModel
from galop.llama.runner import LlamaRunner
from galop.llama.tokenizer import LlamaTokenizer

__all__ = ["LlamaModel", "LlamaRunner", "LlamaTokenizer", "ModelError"]
