"""Which requests run again after an engine died, and which fail."""

from __future__ import annotations

import pytest

from galop.protocol.errors import RequestQuarantinedError
from galop.protocol.requests import GenerationRequest
from galop.workers.quarantine import QUARANTINE_S
from galop.workers.recovery import Attempt, Recovery


def attempt(name: str) -> Attempt:
    request = GenerationRequest(
        request_id=name, prompt_token_ids=[*name.encode()], max_tokens=5, num_choices=1
    )
    return Attempt(request, is_submitted=True)


def test_requests_that_were_not_submitted_are_submitted() -> None:
    """In order of arrival."""
    recovery = Recovery()
    one, two, three = attempt("1"), attempt("2"), attempt("3")
    assert recovery.after_death([one, two, three]) == []
    two.is_submitted = True
    assert recovery.next_to_submit([one, two, three]) == [one, three]


def test_only_submitted_requests_count_a_death() -> None:
    """Others cannot have caused it."""
    recovery = Recovery(crash_retries=1)
    waiting = attempt("1")
    waiting.is_submitted = False
    assert recovery.after_death([waiting]) == []
    assert waiting.num_deaths == 0


def test_on_its_last_try_a_request_runs_alone() -> None:
    """It waits until no other request runs."""
    recovery = Recovery(crash_retries=1)
    one, two, new = attempt("1"), attempt("2"), attempt("3")
    recovery.after_death([one, two])
    assert recovery.next_to_submit([one, two, new]) == []
    new.is_submitted = False
    assert recovery.next_to_submit([one, two, new]) == [one]


def test_a_request_that_killed_the_engine_alone_is_refused_for_a_while() -> None:
    """So are requests with the same prompt; not those that failed while others ran."""
    now_s = 0.0
    recovery = Recovery(crash_retries=1, clock=lambda: now_s)
    bad, innocent = attempt("bad"), attempt("good")
    recovery.after_death([bad, innocent])
    bad.is_submitted = True
    assert recovery.after_death([bad, innocent]) == [bad]
    with pytest.raises(RequestQuarantinedError):
        recovery.check(attempt("bad").request)
    recovery.check(innocent.request)
    now_s = QUARANTINE_S + 1
    recovery.check(bad.request)


def test_without_retries_every_request_fails_and_none_is_refused_later() -> None:
    """Which of them was the cause is unknown."""
    recovery = Recovery(crash_retries=0)
    one = attempt("1")
    assert recovery.after_death([one]) == [one]
    recovery.check(one.request)
