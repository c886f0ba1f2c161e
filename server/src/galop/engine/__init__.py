"""The engine room: token ids in, token ids out, many sequences at once.

Knows no HTTP, no role, no template, no JSON. Others use `Engine`, the types of `generation`,
and the errors of `errors`; who brings a model implements `runner.ModelRunner`.
"""

from galop.engine.engine import Engine
from galop.engine.generation import (
    ConstraintSpec,
    EngineEvent,
    GenerationRequest,
    SamplingParams,
)

__all__ = ["ConstraintSpec", "Engine", "EngineEvent", "GenerationRequest", "SamplingParams"]
