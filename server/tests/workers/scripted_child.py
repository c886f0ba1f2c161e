"""A program for the tests: an engine process with a scripted model that fails where a test needs it.

Not a test module. Its model setting is `scripted:...` as usual, `refuse` (a fault of the model), `raise`
(a bug), `exit` (the process ends before it is ready) or `blocked` (constraints are never compiled). An
answer that begins with "die" ends the process, one that begins with "hang" never comes.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

from galop.engine.constraint import TokenConstraint
from galop.engine.runner import Batch, Float32Array
from galop.protocol.constraints import ConstraintSpec
from galop.testing import ScriptedModel, repeat_last_user_message
from galop.workers.engine_loop import EngineParts, StartError, serve_engine
from galop.workers.messages import EngineConfig


class FailingModel(ScriptedModel):
    """Ends the process, or hangs, at the start of an answer that begins so."""

    def forward(self, batch: Batch) -> Float32Array:
        logits = super().forward(batch)
        for slot in set(batch.slots.tolist()):
            text = bytes(token for token in self.slots[slot] if token < 256)
            if b"assistant\ndie" in text:
                os._exit(7)
            if b"assistant\nhang" in text:
                threading.Event().wait()
        return logits


class BlockedFactory:
    """Never compiles a constraint."""

    def prepare(self, spec: ConstraintSpec) -> None:
        threading.Event().wait()

    def __call__(self, spec: ConstraintSpec, *, max_tokens: int) -> TokenConstraint:
        raise AssertionError("no constraint was compiled")


def build(config: EngineConfig) -> EngineParts:
    if config.model == "refuse":
        raise StartError("model.gguf: no such model")
    if config.model == "raise":
        raise ValueError("a bug")
    if config.model == "exit":
        os._exit(3)
    model = FailingModel(
        repeat_last_user_message,
        num_slots=config.num_slots,
        context_window=config.context_window,
        step_time_s=0.005,
    )
    return EngineParts(model, BlockedFactory() if config.model == "blocked" else None)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[-1])) as connection:
        serve_engine(connection, build)
