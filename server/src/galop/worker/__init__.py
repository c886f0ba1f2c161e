"""The worker room: carries the engine across a process border, or runs it on a thread.

Others use `EngineProcess`, or `local.LocalEngine`, which brings the engine itself into the process;
both implement what `chat` asks of an engine.
"""

from galop.worker.supervisor import EngineProcess, EngineStartError

__all__ = ["EngineProcess", "EngineStartError"]
