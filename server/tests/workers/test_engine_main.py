"""What an engine process is built from: the scripted model, faults of a model file, the late factory."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from galop.engine.constraint import TokenConstraint
from galop.protocol.constraints import ConstraintSpec
from galop.workers.engine_loop import StartError
from galop.workers.engine_main import LateFactory, build
from galop.workers.messages import EngineConfig

SPEC = ConstraintSpec(json_object=True)


def config(model: str) -> EngineConfig:
    return EngineConfig(
        model=model,
        num_slots=3,
        context_window=512,
        num_threads=1,
        prefill_chunk=64,
        log_level="error",
    )


class RecordingFactory:
    """Keeps the specs that it was asked to compile."""

    def __init__(self) -> None:
        self.prepared: list[ConstraintSpec] = []

    def prepare(self, spec: ConstraintSpec) -> None:
        self.prepared.append(spec)

    def __call__(self, spec: ConstraintSpec, *, max_tokens: int) -> TokenConstraint:
        raise NotImplementedError(max_tokens)


def test_a_scripted_model_has_the_configured_slots_and_constraints() -> None:
    parts = build(config("scripted:Hello"))
    assert (parts.runner.num_slots, parts.runner.context_window) == (3, 512)
    assert parts.constraint_factory is not None
    parts.constraint_factory.prepare(SPEC)
    assert not parts.constraint_factory(SPEC, max_tokens=20).is_complete


@pytest.mark.model
def test_a_file_that_is_no_model_is_a_start_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"no model")
    with pytest.raises(StartError, match=str(path)):
        build(config(str(path)))


def test_a_late_factory_waits_until_it_is_built() -> None:
    """A call before that is answered afterwards."""
    factory, is_allowed = RecordingFactory(), threading.Event()

    def build_factory() -> RecordingFactory:
        is_allowed.wait(10)
        return factory

    late = LateFactory(build_factory)
    late.start()
    caller = threading.Thread(target=late.prepare, args=(SPEC,))
    caller.start()
    assert factory.prepared == []
    is_allowed.set()
    caller.join(10)
    assert factory.prepared == [SPEC]
    with pytest.raises(NotImplementedError, match="7"):
        late(SPEC, max_tokens=7)


def test_a_late_factory_that_cannot_be_built_raises_where_it_is_used() -> None:
    def build_factory() -> RecordingFactory:
        raise ValueError("no vocabulary")

    late = LateFactory(build_factory)
    late.start()
    for _ in range(2):
        with pytest.raises(ValueError, match="no vocabulary"):
            late.prepare(SPEC)
