"""The program of an engine process: `python -m galop.workers.engine_main SOCKET`.

SOCKET is the number of an inherited file descriptor. `spawn` starts it with the environment variables that
the OpenMP runtime reads when it is loaded.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from galop.workers.engine_loop import EngineParts, StartError, serve_engine
from galop.workers.messages import EngineConfig

if TYPE_CHECKING:  # they import numpy, which is imported while the model file is read
    from galop.backends.llama.model import LlamaModel
    from galop.engine.constraint import ConstraintFactory, TokenConstraint
    from galop.protocol.constraints import ConstraintSpec


class LateFactory:
    """A constraint factory that is built on a thread of its own after `start`. Its methods wait until it is
    built, and raise the exception of `build`."""

    def __init__(self, build: Callable[[], ConstraintFactory]) -> None:
        self._build = build
        self._factory: Future[ConstraintFactory] = Future()

    def start(self) -> None:
        """Begin to build it. Call once."""
        Thread(target=self._run, name="galop-grammars", daemon=True).start()

    def _run(self) -> None:
        try:
            self._factory.set_result(self._build())
        except BaseException as error:  # raised where the factory is used
            self._factory.set_exception(error)

    def prepare(self, spec: ConstraintSpec) -> None:
        """See `ConstraintFactory.prepare`."""
        self._factory.result().prepare(spec)

    def __call__(self, spec: ConstraintSpec, *, max_tokens: int) -> TokenConstraint:
        """See `ConstraintFactory`."""
        return self._factory.result()(spec, max_tokens=max_tokens)


def build(config: EngineConfig) -> EngineParts:
    """The model runner and the constraint factory of a model. Raises `StartError`."""
    if config.model.startswith("scripted:"):
        return _build_scripted(config)
    return _build_llama(config)


def _build_scripted(config: EngineConfig) -> EngineParts:
    from galop.backends.scripted import ScriptedModel, ScriptedTokenizer
    from galop.grammar.factory import GrammarFactory
    from galop.grammar.tokenizer import byte_vocabulary

    runner = ScriptedModel.from_name(
        config.model, num_slots=config.num_slots, context_window=config.context_window
    )
    return EngineParts(runner, GrammarFactory(byte_vocabulary(ScriptedTokenizer())))


def _build_llama(config: EngineConfig) -> EngineParts:
    from galop.backends.llama.errors import ModelError

    try:
        with ThreadPoolExecutor(max_workers=1) as pool:
            loading = pool.submit(_load_model, config)
            from galop.backends.llama.runner import LlamaRunner  # while the file is read

            model = loading.result()
        factory = LateFactory(lambda: _grammar_factory(model))
        runner = LlamaRunner(
            model,
            num_slots=config.num_slots,
            context_window=min(
                config.context_window, model.training_context or config.context_window
            ),
            num_threads=config.num_threads,
            threads_by_rows=config.threads_by_rows,
        )
    except ModelError as error:
        raise StartError(str(error)) from error
    return EngineParts(runner, factory, factory.start)


def _load_model(config: EngineConfig) -> LlamaModel:
    from galop.backends.llama.model import LlamaModel

    return LlamaModel(Path(config.model))


def _grammar_factory(model: LlamaModel) -> ConstraintFactory:
    from galop.backends.llama.tokenizer import LlamaTokenizer
    from galop.grammar.factory import GrammarFactory
    from galop.grammar.tokenizer import llama_vocabulary

    tokenizer = LlamaTokenizer(model)
    vocabulary = llama_vocabulary(
        tokenizer.raw_token_bytes(),
        vocab_address=tokenizer.vocab_address,
        tokenize_address=tokenizer.tokenize_address,
        end_token_ids=tokenizer.end_token_ids,
    )
    return GrammarFactory(vocabulary)


def main() -> None:
    """Serve an engine on the socket whose file descriptor is the last argument."""
    with socket.socket(fileno=int(sys.argv[-1])) as connection:
        serve_engine(connection, build)


if __name__ == "__main__":
    main()
