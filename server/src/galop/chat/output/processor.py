"""Turns the engine's events of one request into completion events and usage. Synchronous."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from galop.chat.errors import JsonValidateFailedError, ToolUseFailedError
from galop.chat.events import (
    ChoiceDelta,
    ChoiceFinished,
    CompletionEvent,
    ContentDelta,
    ReasoningDelta,
    Started,
    ToolCall,
    Usage,
)
from galop.chat.output.choice import ChoiceOutput
from galop.chat.output.detokenizer import TokenTexts
from galop.chat.output.documents import DocumentSpec
from galop.chat.output.spec import OutputSpec
from galop.chat.output.tool_calls import CallSyntaxError
from galop.chat.request import ChatRequest
from galop.protocol.errors import EngineInternalError
from galop.protocol.events import Finished, Prefilled, Tokens
from galop.protocol.literals import FinishReason

BUDGET_REASON = "max completion tokens reached before generating a valid document"
CALL_BUDGET_REASON = "max completion tokens reached before the call was whole"


class OutputProcessor:
    """The output of one request, all its choices."""

    def __init__(
        self,
        request: ChatRequest,
        texts: TokenTexts,
        clock: Callable[[], float],
        *,
        num_prompt_tokens: int,
        output: OutputSpec,
        count_tokens: Callable[[str], int] = len,
    ) -> None:
        """`count_tokens`: counts the tokens of text that the engine did not generate.

        `clock`: in seconds.
        """
        self._output = output
        self.open_choices = {
            index: ChoiceOutput(index, texts, output.parser(request.stop))
            for index in range(request.num_choices)
        }
        """Choices that have not ended, by index."""
        self._clock = clock
        self._started_s = 0.0
        self._num_prompt_tokens = num_prompt_tokens
        self._prefilled: Prefilled | None = None
        self._num_completion_tokens = 0
        self._num_reasoning_tokens = 0
        self._completion_time_s = 0.0
        self._document_spec = output.document
        self._documents: dict[int, list[str]] = {index: [] for index in self.open_choices}
        """The text of each choice's document so far; used if documents are requested."""
        self._count_tokens = count_tokens

    def process(
        self, event: Prefilled | Tokens | Finished
    ) -> tuple[list[CompletionEvent], int | None]:
        """The completion events, and the index of the choice that a stop sequence has ended, to be cancelled.

        Raises `ToolUseFailedError` and `JsonValidateFailedError`.
        """
        if isinstance(event, Tokens):
            return self._take_tokens(event)
        if isinstance(event, Finished):
            return self._take_finished(event), None
        self._prefilled = event
        self._started_s = self._clock()
        prefix = self._output.echoed_prefix
        deltas = [ContentDelta(index, prefix) for index in self.open_choices if prefix]
        return [Started(event.queue_time_s, event.prompt_time_s), *deltas], None

    def usage(self) -> Usage:
        """The usage of the request. Raises `EngineInternalError` if a choice has not ended."""
        if self._prefilled is None or self.open_choices:
            raise EngineInternalError("the engine ended a request before its last choice")
        return Usage(
            queue_time_s=self._prefilled.queue_time_s,
            prompt_tokens=self._num_prompt_tokens,
            prompt_time_s=self._prefilled.prompt_time_s,
            completion_tokens=self._num_completion_tokens,
            completion_time_s=self._completion_time_s,
            cached_tokens=self._prefilled.num_cached_tokens,
            reasoning_tokens=self._num_reasoning_tokens,
        )

    def _take_tokens(self, event: Tokens) -> tuple[list[CompletionEvent], int | None]:
        choice = self.open_choices.get(event.choice_index)
        if choice is None:
            return [], None  # it was cancelled after the engine had sent these
        events = self._checked(choice, lambda: choice.add(event.token_ids, event.logprobs))
        self._keep(events)
        if not choice.is_stopped:
            return events, None
        num_added_tokens = self._close(choice, events)
        # The engine reports a choice's time at its end, which a cancelled choice does not reach.
        completion_time_s = self._clock() - self._started_s
        events += self._end(choice, "stop", choice.num_tokens + num_added_tokens, completion_time_s)
        return events, choice.index

    def _take_finished(self, event: Finished) -> list[CompletionEvent]:
        choice = self.open_choices.get(event.choice_index)
        if choice is None:
            return []
        if not event.is_constraint_satisfied and choice.parser.is_inside_call:
            raise ToolUseFailedError(CALL_BUDGET_REASON, failed_generation=choice.text)
        events = self._checked(choice, choice.finish)
        self._keep(events)
        finish_reason = "stop" if choice.is_stopped else event.finish_reason
        is_cut = not event.is_constraint_satisfied and not choice.is_stopped
        if is_cut and self._spec_of(choice) is not None:
            raise self._json_failure(choice, BUDGET_REASON)
        return events + self._end(
            choice, finish_reason, event.num_completion_tokens, event.completion_time_s
        )

    def _end(
        self, choice: ChoiceOutput, reason: FinishReason, num_tokens: int, completion_time_s: float
    ) -> list[CompletionEvent]:
        spec, num_calls = self._spec_of(choice), choice.parser.num_calls
        if spec is not None and not spec.is_valid(self._document(choice)):
            raise self._json_failure(choice, f"the text is not {spec.description}")
        if self._output.is_call_required and not num_calls:
            raise ToolUseFailedError("no function was called", failed_generation=choice.text)
        del self.open_choices[choice.index]
        self._num_completion_tokens += num_tokens
        self._completion_time_s = max(self._completion_time_s, completion_time_s)
        self._num_reasoning_tokens += choice.num_reasoning_tokens
        is_json_completed = reason == "length" and (num_calls > 0 or spec is not None)
        if reason == "stop" and num_calls:
            reason = "tool_calls"
        return [ChoiceFinished(choice.index, reason, is_json_completed)]

    def _close(self, choice: ChoiceOutput, events: list[CompletionEvent]) -> int:
        """Complete the document after a stop sequence. Returns the number of added tokens."""
        spec = self._spec_of(choice)
        if spec is None:
            return 0
        ending = spec.ending(self._document(choice))
        if ending is None:
            raise self._json_failure(choice, "no valid end was found after the stop sequence")
        closing: list[CompletionEvent] = [ContentDelta(choice.index, ending)]
        self._keep(closing)
        events += closing
        return self._count_tokens(ending)

    def _checked(
        self, choice: ChoiceOutput, parse: Callable[[], list[ChoiceDelta]]
    ) -> list[CompletionEvent]:
        """The parsed deltas, with calls checked and hidden reasoning removed. Raises `ToolUseFailedError`."""
        try:
            deltas = parse()
        except CallSyntaxError as error:
            raise ToolUseFailedError(str(error), failed_generation=choice.text) from error
        for event in deltas:
            if isinstance(event, ToolCall):
                self._output.check_call(event)
        if self._output.hides_reasoning:
            return [event for event in deltas if not isinstance(event, ReasoningDelta)]
        return list(deltas)

    def _spec_of(self, choice: ChoiceOutput) -> DocumentSpec | None:
        """The requested documents; None if there are none, or if the choice has calls instead."""
        return None if choice.parser.num_calls else self._document_spec

    def _keep(self, events: Sequence[CompletionEvent]) -> None:
        if self._document_spec is not None:
            for event in events:
                if isinstance(event, ContentDelta):
                    self._documents[event.choice_index].append(event.text)

    def _document(self, choice: ChoiceOutput) -> str:
        return "".join(self._documents[choice.index])

    def _json_failure(self, choice: ChoiceOutput, reason: str) -> JsonValidateFailedError:
        return JsonValidateFailedError(reason, failed_generation=self._document(choice))
