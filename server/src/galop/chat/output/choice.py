"""One choice of an answer: its tokens become what it says, up to a stop sequence or its end.

Pure: what comes from the engine goes in, deltas come out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

from galop.chat.events import (
    Delta,
    ReasoningDelta,
    Said,
    TokenLogprob,
    ToolCall,
    TopLogprob,
)
from galop.chat.output.detokenizer import Detokenizer, TokenTexts
from galop.chat.output.marker import Piece, PieceKind
from galop.chat.output.parser import OutputParser
from galop.protocol import events as engine_events


class ChoiceOutput:
    """What one choice says, and its log probabilities, as they may be shown."""

    def __init__(self, index: int, texts: TokenTexts, reader: OutputParser) -> None:
        self.index = index
        self.num_tokens = 0
        """Tokens up to the one that completed a stop sequence, or all so far."""
        self.num_reasoning_tokens = 0
        self.reader = reader
        self._texts = texts
        self._detokenizer = Detokenizer(texts)
        self._decoded: list[str] = []
        self._num_decoded_chars = 0
        self._logprobs: deque[tuple[TokenLogprob, int, int]] = deque()
        """Waiting for the text of their token to be shown: entry, its first and last character."""

    @property
    def is_stopped(self) -> bool:
        """A stop sequence has been found; further tokens are not wanted."""
        return self.reader.is_stopped

    @property
    def text(self) -> str:
        """Everything that was generated, as it came; empty where it is all shown at once."""
        return "".join(self._decoded)

    def add(
        self, token_ids: Sequence[int], logprobs: Sequence[engine_events.TokenLogprob] | None
    ) -> list[Said]:
        """What these tokens show. Raises `CallSyntaxError`."""
        if self.reader.is_plain and logprobs is None:
            self.num_tokens += len(token_ids)
            text = self._detokenizer.add(token_ids)
            return [Delta(self.index, text)] if text else []
        pieces: list[Piece] = []
        for position, token_id in enumerate(token_ids):
            self.num_tokens += 1
            self.num_reasoning_tokens += self.reader.is_reasoning
            text = self._detokenizer.add((token_id,))
            self._decode(text)
            if logprobs is not None:
                self._queue_logprob(logprobs[position], num_chars=len(text))
            pieces += self.reader.add(text)
            if self.is_stopped:
                break
        return self._said(pieces, has_logprobs=logprobs is not None)

    def finish(self) -> list[Said]:
        """What was held back, once nothing more can come. Raises `CallSyntaxError` inside a call."""
        text = self._detokenizer.flush()
        self._decode(text)
        pieces = self.reader.add(text)
        pieces += self.reader.flush()
        return self._said(pieces, has_logprobs=bool(self._logprobs), is_last=True)

    def _decode(self, text: str) -> None:
        self._decoded.append(text)
        self._num_decoded_chars += len(text)

    def _said(
        self, pieces: Sequence[Piece], *, has_logprobs: bool, is_last: bool = False
    ) -> list[Said]:
        """One event for all text of a kind; log probabilities go with the last event."""
        said = [self._event(kind, run) for kind, run in _runs(pieces)]
        if not has_logprobs:
            return said
        entries = tuple(self._shown_logprobs(is_last))
        if not said and entries:
            said = [Delta(self.index, "")]
        return [
            *(replace(event, logprobs=()) for event in said[:-1]),
            *(replace(event, logprobs=entries) for event in said[-1:]),
        ]

    def _event(self, kind: PieceKind, run: Sequence[Piece]) -> Said:
        if kind == "call":
            return ToolCall(self.index, run[0].name, run[0].text)
        text = "".join(piece.text for piece in run)
        return Delta(self.index, text) if kind == "content" else ReasoningDelta(self.index, text)

    def _queue_logprob(self, logprob: engine_events.TokenLogprob, *, num_chars: int) -> None:
        first = self._num_decoded_chars - num_chars
        # A token that ends inside a character is shown with that character.
        end = self._num_decoded_chars + self._detokenizer.has_pending
        self._logprobs.append((self._chat_logprob(logprob), first, end))

    def _shown_logprobs(self, is_last: bool) -> Iterator[TokenLogprob]:
        num_shown_chars = self._num_decoded_chars - self.reader.num_held
        while self._logprobs:
            entry, first, end = self._logprobs[0]
            is_shown = end <= num_shown_chars or (is_last and not self.is_stopped)
            # Of a token that the stop sequence cuts in two, a part is shown.
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


def _runs(pieces: Sequence[Piece]) -> Iterator[tuple[PieceKind, list[Piece]]]:
    """Neighbours of the same kind, together; calls one by one."""
    run: list[Piece] = []
    for piece in pieces:
        if run and (piece.kind != run[0].kind or piece.kind == "call"):
            yield run[0].kind, run
            run = []
        run.append(piece)
    if run:
        yield run[0].kind, run


def _readable(token_bytes: bytes) -> str:
    return token_bytes.decode("utf-8", "replace")
