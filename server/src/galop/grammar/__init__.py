"""The grammar room: what may come next. Implements what `engine` asks of a constraint."""

from galop.grammar.factory import GrammarFactory
from galop.grammar.tokenizer import byte_vocabulary, llama_vocabulary

__all__ = ["GrammarFactory", "byte_vocabulary", "llama_vocabulary"]
