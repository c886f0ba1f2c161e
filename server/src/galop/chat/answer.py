"""What the engine's events mean for the caller: text, ends, the bill. Decides, does not wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from galop.chat.choice import Choice
from galop.chat.detokenizer import TokenTexts
from galop.chat.documents import DocumentKind
from galop.chat.errors import JsonValidateFailedError
from galop.chat.events import (
    ChoiceFinished,
    CompletionEvent,
    Delta,
    FinishReason,
    Started,
    Usage,
)
from galop.chat.json_stop import JsonStopMatcher
from galop.chat.request import ChatRequest
from galop.chat.stop import StopMatcher
from galop.engine.errors import EngineInternalError
from galop.engine.generation import Finished, Prefilled, Tokens

BUDGET_REASON = "max completion tokens reached before generating a valid document"


class Answer:
    """All choices of one request."""

    def __init__(
        self,
        request: ChatRequest,
        texts: TokenTexts,
        clock: Callable[[], float],
        *,
        num_prompt_tokens: int,
        document_kind: DocumentKind | None = None,
        count_tokens: Callable[[str], int] = len,
    ) -> None:
        """`count_tokens`: how many tokens a text has that did not come from the engine."""
        self.open_choices = {
            index: Choice(index, texts, _stop_matcher(request, document_kind))
            for index in range(request.num_choices)
        }
        """Those that have not ended yet."""
        self._clock = clock
        self._started_s = 0.0
        self._num_prompt_tokens = num_prompt_tokens
        self._prefilled: Prefilled | None = None
        self._num_completion_tokens = 0
        self._completion_time_s = 0.0
        self._documents: dict[int, list[str]] | None = None
        self._kind = document_kind
        self._count_tokens = count_tokens
        if document_kind is not None:
            self._documents = {index: [] for index in self.open_choices}

    def take(
        self, event: Prefilled | Tokens | Finished
    ) -> tuple[list[CompletionEvent], int | None]:
        """What to say now, and the choice to cancel because a stop sequence ended it, if any."""
        if isinstance(event, Tokens):
            return self._take_tokens(event)
        if isinstance(event, Finished):
            return self._take_finished(event), None
        self._prefilled = event
        self._started_s = self._clock()
        return [Started(event.queue_time_s, event.prompt_time_s)], None

    def usage(self) -> Usage:
        """The bill. Raises `EngineInternalError` if the engine ended before the answer did."""
        if self._prefilled is None or self.open_choices:
            raise EngineInternalError("the engine ended a request before its last choice")
        return Usage(
            queue_time_s=self._prefilled.queue_time_s,
            prompt_tokens=self._num_prompt_tokens,
            prompt_time_s=self._prefilled.prompt_time_s,
            completion_tokens=self._num_completion_tokens,
            completion_time_s=self._completion_time_s,
            cached_tokens=self._prefilled.num_cached_tokens,
        )

    def _take_tokens(self, event: Tokens) -> tuple[list[CompletionEvent], int | None]:
        choice = self.open_choices.get(event.choice_index)
        if choice is None:
            return [], None  # it was cancelled while these were on the way
        delta = choice.add(event.token_ids, event.logprobs)
        events: list[CompletionEvent] = [] if delta is None else [delta]
        self._keep(events)
        if not choice.is_stopped:
            return events, None
        num_closing_tokens = self._close(choice, events)
        # The engine tells a choice's time at its end, which a cancelled one does not reach.
        completion_time_s = self._clock() - self._started_s
        events += self._end(
            choice, "stop", choice.num_tokens + num_closing_tokens, completion_time_s
        )
        return events, choice.index

    def _take_finished(self, event: Finished) -> list[CompletionEvent]:
        choice = self.open_choices.get(event.choice_index)
        if choice is None:
            return []
        delta = choice.finish()
        events: list[CompletionEvent] = [] if delta is None else [delta]
        self._keep(events)
        finish_reason = "stop" if choice.is_stopped else event.finish_reason
        if not event.is_constraint_satisfied and not choice.is_stopped:
            raise self._json_failure(choice, BUDGET_REASON)
        return events + self._end(
            choice, finish_reason, event.num_completion_tokens, event.completion_time_s
        )

    def _end(
        self, choice: Choice, reason: FinishReason, num_tokens: int, completion_time_s: float
    ) -> list[CompletionEvent]:
        if self._kind is not None and not self._kind.is_valid(self._document(choice)):
            raise self._json_failure(choice, f"the text is not {self._kind.description}")
        del self.open_choices[choice.index]
        self._num_completion_tokens += num_tokens
        self._completion_time_s = max(self._completion_time_s, completion_time_s)
        is_json_completed = self._documents is not None and reason == "length"
        return [ChoiceFinished(choice.index, reason, is_json_completed)]

    def _close(self, choice: Choice, events: list[CompletionEvent]) -> int:
        """A stop sequence ends the string it is in; the rest of the document follows.

        Returns how many tokens that is.
        """
        if self._kind is None:
            return 0
        ending = self._kind.ending(self._document(choice))
        if ending is None:
            raise self._json_failure(choice, "no valid end was found after the stop sequence")
        closing: list[CompletionEvent] = [Delta(choice.index, ending)]
        self._keep(closing)
        events += closing
        return self._count_tokens(ending)

    def _keep(self, events: Sequence[CompletionEvent]) -> None:
        if self._documents is not None:
            for event in events:
                if isinstance(event, Delta):
                    self._documents[event.choice_index].append(event.text)

    def _document(self, choice: Choice) -> str:
        return "".join(self._documents[choice.index]) if self._documents is not None else ""

    def _json_failure(self, choice: Choice, reason: str) -> JsonValidateFailedError:
        return JsonValidateFailedError(reason, failed_generation=self._document(choice))


def _stop_matcher(
    request: ChatRequest, document_kind: DocumentKind | None
) -> StopMatcher | JsonStopMatcher | None:
    if not request.stop:
        return None
    if document_kind is None:
        return StopMatcher(request.stop)
    return JsonStopMatcher(request.stop)
