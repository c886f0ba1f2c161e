"""The workers room: runs an engine in a process of its own, or on a thread of this process.

Other rooms use `supervisor.EngineProcess` or `local.LocalEngine`, and submit requests to its `client`.
Nothing is imported here, so that `spawn` can be imported quickly.
"""
