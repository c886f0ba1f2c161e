"""The worker room: carries the engine across a process border, or runs it on a thread.

Others use `supervisor.EngineProcess`, or `local.LocalEngine`, which brings the engine itself into the
process; both implement what `chat` asks of an engine. Nothing is imported here: `spawn` has to be quick.
"""
