"""Admits requests: identifies the caller, bounds the queue, reserves tokens, settles usage."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from galop.accounts.keys import Caller
from galop.accounts.limits import COUNTS_TOKENS, RemainingLimits
from galop.accounts.usage import UsageCounts
from galop.admission.control import AdmissionControl, Permit
from galop.admission.policy import AdmissionPolicy, OpenPolicy, Reservation
from galop.chat.events import Usage
from galop.chat.request import ChatRequest, ModelCard
from galop.chat.usage_meter import UsageMeter
from galop.protocol.errors import EngineError
from galop.protocol.events import Finished, Prefilled, Tokens

ASSUMED_COMPLETION_TOKENS = 1024
"""Tokens reserved per choice if the request sets no `max_tokens`. The choice may fill the context window,
but few do. The excess is charged when the request ends."""


class Admission:
    """Admits requests by the caller's key and limits and by the load of the model's engines."""

    def __init__(
        self,
        controls: Mapping[str, AdmissionControl],
        policy: AdmissionPolicy | None = None,
    ) -> None:
        """`controls`: by model name, aliases excluded. `policy` None: an `OpenPolicy`."""
        self._controls = dict(controls)
        self._policy = policy or OpenPolicy()

    def authenticate(self, authorization: str | None) -> Caller:
        """See `AdmissionPolicy.authenticate`."""
        return self._policy.authenticate(authorization)

    def check_capacity(self, caller: Caller) -> None:
        """Raises `EngineUnavailableError` or `QueueFullError` if every model would refuse this caller."""
        refusal: EngineError | None = None
        for control in self._controls.values():
            try:
                return control.check_capacity(caller.key_id)
            except EngineError as error:
                refusal = error
        if refusal is not None:
            raise refusal

    def admit(self, caller: Caller, request: ChatRequest, card: ModelCard) -> AdmittedRequest:
        """Admit a request to its model's queue, before any work is done for it.

        Raises `EngineUnavailableError` or `QueueFullError`. The caller must close the result.
        """
        model = card.alias_of or card.id
        permit = self._controls[model].admit(caller.key_id, request.num_choices)
        return AdmittedRequest(self._policy, caller, request, model, permit)

    def readiness(self) -> str | None:
        """None if every model accepts requests, else the reason why one does not."""
        reasons = (control.readiness() for control in self._controls.values())
        return next((reason for reason in reasons if reason is not None), None)

    def load(self) -> tuple[int, int]:
        """Numbers of running and of waiting choices, over all models."""
        controls = self._controls.values()
        num_running = sum(control.num_running for control in controls)
        return num_running, sum(control.num_waiting for control in controls)

    @property
    def num_open_choices(self) -> int:
        """Running and waiting choices, over all models."""
        return sum(self.load())

    def drain(self, reason: str) -> None:
        """Refuse new requests from now on, for `reason`. Admitted ones continue."""
        for control in self._controls.values():
            control.drain(reason)


class AdmittedRequest:
    """A request with its permit, its reservation and its usage. Implements `chat.Meter`."""

    def __init__(
        self,
        policy: AdmissionPolicy,
        caller: Caller,
        request: ChatRequest,
        model: str,
        permit: Permit,
    ) -> None:
        self.remaining_limits = RemainingLimits()
        """Empty until tokens are reserved."""
        self.usage = UsageMeter()
        self._policy = policy
        self._caller = caller
        self._model = model
        self._permit = permit
        self._is_assumed = request.max_tokens is None
        self._num_completion_tokens = request.num_choices * (
            ASSUMED_COMPLETION_TOKENS if request.max_tokens is None else request.max_tokens
        )
        self._reservation: Reservation | None = None

    async def reserve(self, num_prompt_tokens: int, max_completion_tokens: int) -> None:
        """Reserve tokens for the prompt and for all choices together.

        Raises `QueueFullError` if the prompt does not fit into the queue, and `AdmissionError`.
        """
        self._permit.add_prompt(num_prompt_tokens)
        num_tokens = num_prompt_tokens + min(self._num_completion_tokens, max_completion_tokens)
        if self._is_assumed:  # an assumed size must not make the request too large
            num_tokens = max(
                num_prompt_tokens, min(num_tokens, _smallest_token_limit(self._caller))
            )
        self._reservation = await self._policy.reserve(self._caller, self._model, num_tokens)
        self.remaining_limits = self._reservation.remaining_limits

    def record(self, event: Prefilled | Tokens | Finished, *, num_prompt_tokens: int) -> None:
        """See `chat.Meter.record`."""
        self.usage.record(event, num_prompt_tokens=num_prompt_tokens)
        if isinstance(event, Prefilled):
            self._permit.prefilled()

    def choice_ended(self) -> None:
        """See `chat.Meter.choice_ended`."""
        self._permit.release()

    def completed(self, usage: Usage) -> None:
        """See `chat.Meter.completed`."""
        self.usage.completed(usage)

    def close(self, *, is_served: bool) -> None:
        """Release the permit and settle the reservation; idempotent.

        `is_served` False: the request was refused before any computation, and does not count.
        """
        self._permit.close()
        reservation, self._reservation = self._reservation, None
        if reservation is not None:
            reservation.settle(
                UsageCounts(
                    num_requests=int(is_served),
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
