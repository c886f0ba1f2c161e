"""The tuning room: finds the fastest weight format and numbers of threads, for `galop tune` (docs/tuning.md).

`tuner.tune` measures and stores the result; `stored.find_tuned` finds it when the server starts.
"""
