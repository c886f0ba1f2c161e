"""One choice: turns its tokens into deltas, up to a stop sequence or the end. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

from galop.chat.events import (
    ChoiceDelta,
    ContentDelta,
    ReasoningDelta,
    TokenLogprob,
    ToolCall,
    TopLogprob,
)
from galop.chat.output.detokenizer import Detokenizer, TokenTexts
from galop.chat.output.parser import OutputParser
from galop.chat.output.segments import Segment, SegmentKind
from galop.protocol import events as engine_events


class ChoiceOutput:
    """Decodes and parses the tokens of one choice, and assigns log probabilities to its deltas."""

    def __init__(self, index: int, texts: TokenTexts, parser: OutputParser) -> None:
        self.index = index
        self.num_tokens = 0
        """All tokens so far, or those up to the one that completed a stop sequence."""
        self.num_reasoning_tokens = 0
        self.parser = parser
        self._texts = texts
        self._detokenizer = Detokenizer(texts)
        self._decoded: list[str] = []
        self._num_decoded_chars = 0
        self._logprobs: deque[tuple[TokenLogprob, int, int]] = deque()
        """Log probabilities whose token is held back: entry, start and end of its text in characters."""

    @property
    def is_stopped(self) -> bool:
        """True once a stop sequence was found."""
        return self.parser.is_stopped

    @property
    def text(self) -> str:
        """The generated text. Empty if the parser is plain and there are no log probabilities."""
        return "".join(self._decoded)

    def add(
        self, token_ids: Sequence[int], logprobs: Sequence[engine_events.TokenLogprob] | None
    ) -> list[ChoiceDelta]:
        """The deltas that are certain after these tokens. Raises `CallSyntaxError`."""
        if self.parser.is_plain and logprobs is None:
            self.num_tokens += len(token_ids)
            text = self._detokenizer.add(token_ids)
            return [ContentDelta(self.index, text)] if text else []
        segments: list[Segment] = []
        for position, token_id in enumerate(token_ids):
            self.num_tokens += 1
            self.num_reasoning_tokens += self.parser.is_reasoning
            text = self._detokenizer.add((token_id,))
            self._decode(text)
            if logprobs is not None:
                self._queue_logprob(logprobs[position], num_chars=len(text))
            segments += self.parser.add(text)
            if self.is_stopped:
                break
        return self._deltas(segments, has_logprobs=logprobs is not None)

    def finish(self) -> list[ChoiceDelta]:
        """The deltas that were held back, at the end. Raises `CallSyntaxError` inside a call."""
        text = self._detokenizer.flush()
        self._decode(text)
        segments = self.parser.add(text)
        segments += self.parser.flush()
        return self._deltas(segments, has_logprobs=bool(self._logprobs), is_last=True)

    def _decode(self, text: str) -> None:
        self._decoded.append(text)
        self._num_decoded_chars += len(text)

    def _deltas(
        self, segments: Sequence[Segment], *, has_logprobs: bool, is_last: bool = False
    ) -> list[ChoiceDelta]:
        """One delta per run of segments of a kind; log probabilities go with the last delta."""
        deltas = [self._event(kind, run) for kind, run in _runs(segments)]
        if not has_logprobs:
            return deltas
        entries = tuple(self._shown_logprobs(is_last))
        if not deltas and entries:
            deltas = [ContentDelta(self.index, "")]
        return [
            *(replace(event, logprobs=()) for event in deltas[:-1]),
            *(replace(event, logprobs=entries) for event in deltas[-1:]),
        ]

    def _event(self, kind: SegmentKind, run: Sequence[Segment]) -> ChoiceDelta:
        if kind == "call":
            return ToolCall(self.index, run[0].name, run[0].text)
        text = "".join(segment.text for segment in run)
        return (
            ContentDelta(self.index, text)
            if kind == "content"
            else ReasoningDelta(self.index, text)
        )

    def _queue_logprob(self, logprob: engine_events.TokenLogprob, *, num_chars: int) -> None:
        first = self._num_decoded_chars - num_chars
        # A token that ends inside a character belongs to that character.
        end = self._num_decoded_chars + self._detokenizer.has_pending
        self._logprobs.append((self._chat_logprob(logprob), first, end))

    def _shown_logprobs(self, is_last: bool) -> Iterator[TokenLogprob]:
        num_shown_chars = self._num_decoded_chars - self.parser.num_held
        while self._logprobs:
            entry, first, end = self._logprobs[0]
            is_shown = end <= num_shown_chars or (is_last and not self.is_stopped)
            # The stop sequence begins inside this token: a part of its text is shown.
            is_cut = self.is_stopped and first < num_shown_chars
            if not is_shown and not is_cut:
                return
            self._logprobs.popleft()
            yield entry

    def _chat_logprob(self, logprob: engine_events.TokenLogprob) -> TokenLogprob:
        token_bytes = self._texts.token_bytes
        return TokenLogprob(
            token=_readable(token_bytes(logprob.token_id)),
            token_bytes=token_bytes(logprob.token_id),
            logprob=logprob.logprob,
            top_logprobs=tuple(
                TopLogprob(_readable(token_bytes(token_id)), token_bytes(token_id), value)
                for token_id, value in logprob.top
            ),
            constrained_logprob=logprob.constrained_logprob,
        )


def _runs(segments: Sequence[Segment]) -> Iterator[tuple[SegmentKind, list[Segment]]]:
    """Groups consecutive segments of the same kind; every call is a group of its own."""
    run: list[Segment] = []
    for segment in segments:
        if run and (segment.kind != run[0].kind or segment.kind == "call"):
            yield run[0].kind, run
            run = []
        run.append(segment)
    if run:
        yield run[0].kind, run


def _readable(token_bytes: bytes) -> str:
    return token_bytes.decode("utf-8", "replace")
