"""Constraints over a vocabulary of the 256 bytes. Not a test module."""

from __future__ import annotations

from functools import cache

from galop.grammar.factory import GrammarFactory
from galop.grammar.tokenizer import byte_vocabulary
from galop.grammar.vocabulary import Vocabulary
from galop.testing import ScriptedTokenizer


@cache
def factory() -> GrammarFactory:
    return GrammarFactory(byte_vocabulary(ScriptedTokenizer()))


@cache
def vocabulary() -> Vocabulary:
    return Vocabulary(byte_vocabulary(ScriptedTokenizer()))
