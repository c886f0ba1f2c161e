"""One request between authentication and its last byte: its place in the queue, its tokens, its usage."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from galop.accounts.keys import Caller
from galop.accounts.limits import COUNTS_TOKENS, RemainingLimits
from galop.accounts.usage import UsageCounts
from galop.admission.control import AdmissionControl, Place
from galop.admission.policy import AdmissionPolicy, OpenPolicy, Reservation
from galop.chat.events import Usage
from galop.chat.request import ChatRequest, ModelCard
from galop.chat.usage_meter import UsageMeter
from galop.protocol.errors import EngineError
from galop.protocol.events import Finished, Prefilled, Tokens

ASSUMED_COMPLETION_TOKENS = 1024
"""Reserved for an answer whose request sets no `max_tokens`: it may take the whole context window,
but hardly any does. What it takes beyond that is counted at its end."""


class Admission:
    """Lets requests in: by the caller's key and limits, and by what the models' engines have in hand.

    `controls`: by the name of each model, the bounds on its requests.
    """

    def __init__(
        self,
        controls: Mapping[str, AdmissionControl],
        policy: AdmissionPolicy | None = None,
    ) -> None:
        self._controls = dict(controls)
        self._policy = policy or OpenPolicy()

    def authenticate(self, authorization: str | None) -> Caller:
        """See `AdmissionPolicy.authenticate`."""
        return self._policy.authenticate(authorization)

    def check_capacity(self, caller: Caller) -> None:
        """Raises what every request of this caller would get now, whichever model it names:
        `EngineUnavailableError` or `QueueFullError`. Must not block."""
        refusal: EngineError | None = None
        for control in self._controls.values():
            try:
                control.check_capacity(caller.key_id)
            except EngineError as error:
                refusal = error
            else:
                return
        if refusal is not None:
            raise refusal

    def enter(self, caller: Caller, request: ChatRequest, card: ModelCard) -> AdmittedRequest:
        """A place for this request, before any work is done for it.

        Raises `EngineUnavailableError` or `QueueFullError`. Close what is returned, whatever happens.
        """
        model = card.alias_of or card.id
        place = self._controls[model].enter(caller.key_id, request.num_choices)
        return AdmittedRequest(self._policy, caller, request, model, place)

    def readiness(self) -> str | None:
        """None when every model takes requests, else why one does not."""
        reasons = (control.readiness() for control in self._controls.values())
        return next((reason for reason in reasons if reason is not None), None)

    def load(self) -> tuple[int, int]:
        """How many choices of all models run, and how many wait."""
        controls = self._controls.values()
        return sum(each.num_running for each in controls), sum(
            each.num_waiting for each in controls
        )

    @property
    def num_open_choices(self) -> int:
        """Choices of all models that run or wait."""
        return sum(self.load())

    def drain(self, reason: str) -> None:
        """Take no new requests from now on; those in flight go on."""
        for control in self._controls.values():
            control.drain(reason)


class AdmittedRequest:
    """A request that has a place. Implements `chat.Meter`."""

    def __init__(
        self,
        policy: AdmissionPolicy,
        caller: Caller,
        request: ChatRequest,
        model: str,
        place: Place,
    ) -> None:
        self.remaining_limits = RemainingLimits()
        """What is left of the caller's limits, once tokens are reserved."""
        self.usage = UsageMeter()
        self._policy = policy
        self._caller = caller
        self._model = model
        self._place = place
        self._is_assumed = request.max_tokens is None
        self._num_completion_tokens = request.num_choices * (
            ASSUMED_COMPLETION_TOKENS if request.max_tokens is None else request.max_tokens
        )
        self._reservation: Reservation | None = None

    async def reserve(self, num_prompt_tokens: int, max_completion_tokens: int) -> None:
        """Reserve what the request may use: its prompt, and what all its choices can have at most.

        Raises `QueueFullError` if so many prompt tokens may not wait, and `AdmissionError`.
        """
        self._place.add_prompt(num_prompt_tokens)
        num_tokens = num_prompt_tokens + min(self._num_completion_tokens, max_completion_tokens)
        if self._is_assumed:  # nobody asked for so many: they shall not be too many
            num_tokens = max(
                num_prompt_tokens, min(num_tokens, _smallest_token_limit(self._caller))
            )
        self._reservation = await self._policy.reserve(self._caller, self._model, num_tokens)
        self.remaining_limits = self._reservation.remaining_limits

    def take(self, event: Prefilled | Tokens | Finished, *, num_prompt_tokens: int) -> None:
        """See `chat.Meter.take`."""
        self.usage.take(event, num_prompt_tokens=num_prompt_tokens)
        if isinstance(event, Prefilled):
            self._place.prefilled()

    def choice_ended(self) -> None:
        """See `chat.Meter.choice_ended`."""
        self._place.leave()

    def completed(self, usage: Usage) -> None:
        """See `chat.Meter.completed`."""
        self.usage.completed(usage)

    def close(self, *, was_served: bool) -> None:
        """Give the place back and settle the reservation; idempotent.

        Not served: the request was refused without having cost anything.
        """
        self._place.close()
        reservation, self._reservation = self._reservation, None
        if reservation is not None:
            reservation.settle(
                UsageCounts(
                    num_requests=int(was_served),
                    num_prompt_tokens=self.usage.num_prompt_tokens,
                    num_cached_tokens=self.usage.num_cached_tokens,
                    num_completion_tokens=self.usage.num_completion_tokens,
                )
            )


def _smallest_token_limit(caller: Caller) -> int:
    limits = (
        limit
        for scope in caller.scopes
        for name, limit in scope.limits.items()
        if COUNTS_TOKENS[name]
    )
    return min(limits, default=sys.maxsize)
