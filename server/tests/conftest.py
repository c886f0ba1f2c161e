"""The kernels' threads wait here as they do in the engine process: passively. Must be said before
llama.cpp is loaded; with spinning threads the tests of the model take minutes on a busy machine."""

from __future__ import annotations

import os

from hypothesis import settings

from galop.workers.spawn import ENVIRONMENT

for _name, _value in ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)

# How long an example takes says nothing on machines that are shared.
settings.register_profile("galop", deadline=None)
settings.load_profile("galop")
