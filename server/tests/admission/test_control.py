"""How much work one model's engines may have in hand."""

from __future__ import annotations

import pytest

from galop.admission.control import AdmissionControl, Place
from galop.protocol.errors import EngineUnavailableError, QueueFullError, QueueShareFullError


def test_a_full_queue_refuses_and_says_by_how_much() -> None:
    """The bound counts choices that run or wait; a place given back is free at once."""
    control = AdmissionControl(num_slots=1, max_waiting=2)
    places = [control.enter("", 1) for _ in range(3)]
    with pytest.raises(QueueFullError) as caught:
        control.enter("", 1)
    assert (caught.value.num_waiting, caught.value.limit) == (2, 2)
    assert (control.num_running, control.num_waiting) == (1, 2)
    places[1].close()
    control.enter("", 1)


def test_alone_a_request_may_have_any_number_of_choices() -> None:
    """It would never be served otherwise."""
    control = AdmissionControl(num_slots=1, max_waiting=0)
    control.enter("", 5)
    with pytest.raises(QueueFullError):
        control.enter("", 1)


def test_when_to_come_back_follows_how_long_requests_take() -> None:
    """Rounds of the batch before a new one would run, of the usual length; at most half a minute."""
    now_s = 0.0
    control = AdmissionControl(num_slots=2, max_waiting=6, clock=lambda: now_s)

    def wait_s() -> float:
        with pytest.raises(QueueFullError) as caught:
            control.enter("", 1)
        return caught.value.retry_after_s

    places = [control.enter("", 1) for _ in range(8)]
    assert wait_s() == 4  # seven choices on two slots, a second each
    for place in places:
        place.prefilled()
    now_s = 1000.0
    for place in places:
        place.close()
    for _ in range(8):
        control.enter("", 1)
    assert wait_s() == 30


def test_requests_that_were_never_computed_tell_nothing_of_how_long_they_take() -> None:
    """Those that were refused or left while they waited."""
    now_s = 0.0
    control = AdmissionControl(num_slots=1, max_waiting=0, clock=lambda: now_s)
    place = control.enter("", 1)
    now_s = 1000.0
    place.close()
    control.enter("", 1)
    with pytest.raises(QueueFullError) as caught:
        control.enter("", 1)
    assert caught.value.retry_after_s == 1


def test_prompt_tokens_that_wait_are_bounded_too() -> None:
    """Those that are computed wait no longer; alone, a prompt of any length may come."""
    control = AdmissionControl(num_slots=1, max_waiting_tokens=500)
    first, second = control.enter("", 1), control.enter("", 1)
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
def test_one_key_does_not_fill_the_queue(unit: str) -> None:
    """Its refusal says whose share is full, and another key is served."""
    control = AdmissionControl(num_slots=1, max_waiting=9, max_waiting_tokens=1000)

    def enter(key_id: str) -> Place:
        place = control.enter(key_id, 1)
        place.add_prompt(1 if unit == "sequences" else 150)
        return place

    def enter_until_refused() -> None:
        for _ in range(20):
            enter("greedy")

    with pytest.raises(QueueShareFullError) as caught:
        enter_until_refused()
    assert caught.value.unit == unit
    assert caught.value.num_waiting > 1
    enter("modest")


def test_an_engine_that_is_away_refuses_by_its_reason() -> None:
    """And the server that drains by its own."""
    reasons: list[str | None] = ["the engine is restarting"]
    control = AdmissionControl(num_slots=1, readiness=lambda: reasons[0])
    with pytest.raises(EngineUnavailableError, match="restarting"):
        control.check_capacity("")
    reasons[0] = None
    control.check_capacity("")
    control.drain("the server is stopping")
    with pytest.raises(EngineUnavailableError, match="stopping"):
        control.check_capacity("")


def test_a_queue_is_crowded_while_the_next_request_would_be_refused() -> None:
    """Not while there is no engine: nothing is refused for want of room then."""
    reasons: list[str | None] = [None]
    control = AdmissionControl(num_slots=1, max_waiting=1, readiness=lambda: reasons[0])
    seen = [control.is_crowded]
    first = control.enter("", 1)
    control.enter("", 1)
    seen.append(control.is_crowded)
    reasons[0] = "the engine is restarting"
    seen.append(control.is_crowded)
    reasons[0] = None
    first.close()
    seen.append(control.is_crowded)
    assert seen == [False, True, False, False]
