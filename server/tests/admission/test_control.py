"""Bounds on the choices and the waiting prompt tokens of one model."""

from __future__ import annotations

import pytest

from galop.admission.control import AdmissionControl, Permit
from galop.protocol.errors import EngineUnavailableError, QueueFullError, QueueShareFullError


def test_a_full_queue_refuses_with_its_numbers() -> None:
    """The bound counts running and waiting choices; a closed permit frees its share at once."""
    control = AdmissionControl(num_slots=1, max_waiting=2)
    permits = [control.admit("", 1) for _ in range(3)]
    with pytest.raises(QueueFullError) as caught:
        control.admit("", 1)
    assert (caught.value.num_waiting, caught.value.limit) == (2, 2)
    assert (control.num_running, control.num_waiting) == (1, 2)
    permits[1].close()
    control.admit("", 1)


def test_a_single_request_may_have_any_number_of_choices() -> None:
    """Otherwise it could never be served."""
    control = AdmissionControl(num_slots=1, max_waiting=0)
    control.admit("", 5)
    with pytest.raises(QueueFullError):
        control.admit("", 1)


def test_retry_after_follows_the_duration_of_requests() -> None:
    """The choices ahead per slot, times the average duration; at most 30 s."""
    now_s = 0.0
    control = AdmissionControl(num_slots=2, max_waiting=6, clock=lambda: now_s)

    def wait_s() -> float:
        with pytest.raises(QueueFullError) as caught:
            control.admit("", 1)
        return caught.value.retry_after_s

    permits = [control.admit("", 1) for _ in range(8)]
    assert wait_s() == 4  # seven choices on two slots, a second each
    for permit in permits:
        permit.prefilled()
    now_s = 1000.0
    for permit in permits:
        permit.close()
    for _ in range(8):
        control.admit("", 1)
    assert wait_s() == 30


def test_requests_without_a_prefill_do_not_change_the_average_duration() -> None:
    """They were refused, or cancelled while they waited."""
    now_s = 0.0
    control = AdmissionControl(num_slots=1, max_waiting=0, clock=lambda: now_s)
    permit = control.admit("", 1)
    now_s = 1000.0
    permit.close()
    control.admit("", 1)
    with pytest.raises(QueueFullError) as caught:
        control.admit("", 1)
    assert caught.value.retry_after_s == 1


def test_waiting_prompt_tokens_are_bounded() -> None:
    """Prefilled ones no longer count; a single prompt may have any length."""
    control = AdmissionControl(num_slots=1, max_waiting_tokens=500)
    first, second = control.admit("", 1), control.admit("", 1)
    first.add_prompt(300)
    with pytest.raises(QueueFullError) as caught:
        second.add_prompt(300)
    assert (caught.value.unit, caught.value.num_waiting, caught.value.limit) == (
        "prompt tokens",
        300,
        500,
    )
    first.prefilled()
    second.add_prompt(900)


@pytest.mark.parametrize("unit", ["sequences", "prompt tokens"])
def test_one_key_cannot_fill_the_queue(unit: str) -> None:
    """The error says that the key's share is full, and another key is admitted."""
    control = AdmissionControl(num_slots=1, max_waiting=9, max_waiting_tokens=1000)

    def admit(key_id: str) -> Permit:
        permit = control.admit(key_id, 1)
        permit.add_prompt(1 if unit == "sequences" else 150)
        return permit

    def admit_until_refused() -> None:
        for _ in range(20):
            admit("greedy")

    with pytest.raises(QueueShareFullError) as caught:
        admit_until_refused()
    assert caught.value.unit == unit
    assert caught.value.num_waiting > 1
    admit("modest")


def test_an_unavailable_engine_refuses_with_its_reason() -> None:
    """A draining server refuses with its own reason."""
    reasons: list[str | None] = ["the engine is restarting"]
    control = AdmissionControl(num_slots=1, readiness=lambda: reasons[0])
    with pytest.raises(EngineUnavailableError, match="restarting"):
        control.check_capacity("")
    reasons[0] = None
    control.check_capacity("")
    control.drain("the server is stopping")
    with pytest.raises(EngineUnavailableError, match="stopping"):
        control.check_capacity("")


def test_a_queue_is_crowded_while_it_would_refuse_the_largest_key() -> None:
    """An unavailable engine is not a crowded queue."""
    reasons: list[str | None] = [None]
    control = AdmissionControl(num_slots=1, max_waiting=1, readiness=lambda: reasons[0])
    seen = [control.is_crowded]
    first = control.admit("", 1)
    control.admit("", 1)
    seen.append(control.is_crowded)
    reasons[0] = "the engine is restarting"
    seen.append(control.is_crowded)
    reasons[0] = None
    first.close()
    seen.append(control.is_crowded)
    assert seen == [False, True, False, False]
