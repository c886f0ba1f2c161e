"""Constraints that are compiled beside the engine: with factories that compile when the test says so."""

from __future__ import annotations

import threading
from queue import SimpleQueue

import pytest

from galop.engine.constraint import TokenConstraint
from galop.protocol.constraints import ConstraintSpec
from galop.protocol.errors import ConstraintFailedError
from galop.protocol.requests import GenerationRequest
from galop.workers.compiler import ConstraintCompiler
from galop.workers.messages import Cancel

TIMEOUT_S = 10.0


class BlockedFactory:
    """Compiles one constraint for each `release`. Raises `error` then, if there is one."""

    def __init__(self, error: Exception | None = None) -> None:
        self.started: SimpleQueue[str | None] = SimpleQueue()
        """Schemas whose compilation began."""
        self._error = error
        self._permits = threading.Semaphore(0)

    def prepare(self, spec: ConstraintSpec) -> None:
        self.started.put(spec.schema)
        assert self._permits.acquire(timeout=TIMEOUT_S)
        if self._error is not None:
            raise self._error

    def release(self) -> None:
        self._permits.release()

    def __call__(self, spec: ConstraintSpec, *, max_tokens: int) -> TokenConstraint:
        raise AssertionError("only the engine builds constraints")


class Recorder:
    """A compiler in front of an engine that records what reaches it."""

    def __init__(self, factory: BlockedFactory) -> None:
        self.calls: SimpleQueue[str | tuple[str, int | None]] = SimpleQueue()
        """A request id for a submission, (request id, choice index) for a cancellation."""
        self.compiler = ConstraintCompiler(factory, self._submit, self._cancel)

    def submit(self, name: str) -> None:
        self.compiler.submit(
            GenerationRequest(
                request_id=name,
                prompt_token_ids=[1],
                max_tokens=5,
                num_choices=2,
                constraint=ConstraintSpec(schema=name),
            )
        )

    def _submit(self, request: GenerationRequest) -> None:
        self.calls.put(request.request_id)

    def _cancel(self, request_id: str, choice_index: int | None) -> None:
        self.calls.put((request_id, choice_index))

    def next_calls(self, count: int) -> list[str | tuple[str, int | None]]:
        return [self.calls.get(timeout=TIMEOUT_S) for _ in range(count)]


def test_a_request_reaches_the_engine_when_its_constraint_is_compiled() -> None:
    factory = BlockedFactory()
    recorder = Recorder(factory)
    recorder.submit("r")
    assert factory.started.get(timeout=TIMEOUT_S) == "r"
    assert recorder.calls.empty()
    factory.release()
    assert recorder.next_calls(1) == ["r"]


def test_a_request_that_is_cancelled_while_it_is_compiled_never_reaches_the_engine() -> None:
    """The cancellation returns while the compilation is blocked; the next request is submitted alone."""
    factory = BlockedFactory()
    recorder = Recorder(factory)
    recorder.submit("cancelled")
    recorder.submit("kept")
    assert factory.started.get(timeout=TIMEOUT_S) == "cancelled"
    assert recorder.compiler.cancel(Cancel("cancelled"))
    factory.release()
    factory.release()
    assert recorder.next_calls(1) == ["kept"]
    assert recorder.calls.empty()


def test_a_choice_that_is_cancelled_while_it_is_compiled_is_cancelled_after_the_submission() -> (
    None
):
    """The other choice runs."""
    factory = BlockedFactory()
    recorder = Recorder(factory)
    recorder.submit("r")
    assert factory.started.get(timeout=TIMEOUT_S) == "r"
    assert recorder.compiler.cancel(Cancel("r", 1))
    factory.release()
    assert recorder.next_calls(2) == ["r", ("r", 1)]


def test_a_request_that_is_cancelled_before_its_turn_is_not_compiled() -> None:
    factory = BlockedFactory()
    recorder = Recorder(factory)
    for name in ("first", "cancelled", "last"):
        recorder.submit(name)
    assert factory.started.get(timeout=TIMEOUT_S) == "first"
    assert recorder.compiler.cancel(Cancel("cancelled", 0))
    assert recorder.compiler.cancel(Cancel("cancelled"))
    factory.release()
    assert factory.started.get(timeout=TIMEOUT_S) == "last"
    factory.release()
    assert recorder.next_calls(2) == ["first", "last"]


def test_what_the_engine_has_is_left_to_the_engine() -> None:
    """Also ids that are unknown."""
    factory = BlockedFactory()
    recorder = Recorder(factory)
    recorder.submit("r")
    factory.release()
    assert recorder.next_calls(1) == ["r"]
    # The engine was called under the lock that `cancel` takes, so this waits until the request is handed over.
    assert not recorder.compiler.cancel(Cancel("r"))
    assert not recorder.compiler.cancel(Cancel("unknown", 0))


@pytest.mark.parametrize("error", [ConstraintFailedError("no such type"), ValueError("a bug")])
def test_a_request_whose_constraint_cannot_be_compiled_reaches_the_engine(
    error: Exception,
) -> None:
    """The engine reports the error; later requests are compiled as before."""
    factory = BlockedFactory(error)
    recorder = Recorder(factory)
    for name in ("bad", "next"):
        recorder.submit(name)
        factory.release()
    assert recorder.next_calls(2) == ["bad", "next"]


def test_no_cancellation_is_lost_between_compiler_and_engine() -> None:
    """Cancellations at any moment: each request is cancelled by one of the two, after its submission."""
    factory = BlockedFactory()
    recorder = Recorder(factory)
    names = [f"r{i}" for i in range(200)]
    for name in names:
        recorder.submit(name)
        factory.release()
    for name in names:
        if not recorder.compiler.cancel(Cancel(name, 1)):
            recorder.calls.put((name, 1))  # as the reader of commands does
    expected = [call for name in names for call in (name, (name, 1))]
    calls = recorder.next_calls(2 * len(names))
    assert sorted(calls, key=str) == sorted(expected, key=str)
    assert all(calls.index(name) < calls.index((name, 1)) for name in names)
