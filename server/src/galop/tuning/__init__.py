"""Which weight format and which threads are fastest on this machine: `galop tune` (docs/tuning.md).

`tuner.tune` measures and keeps the result, `store.load` finds it when the server starts.
"""
