"""One choice of an answer: its tokens become text, up to a stop sequence or its end.

Pure: what comes from the engine goes in, deltas come out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from galop.chat.detokenizer import Detokenizer, TokenTexts
from galop.chat.events import Delta, TokenLogprob, TopLogprob
from galop.chat.json_stop import JsonStopMatcher
from galop.chat.stop import StopMatcher
from galop.engine import generation


class Choice:
    """Text and log probabilities of one choice, as they may be shown."""

    def __init__(
        self, index: int, texts: TokenTexts, stop_matcher: StopMatcher | JsonStopMatcher | None
    ) -> None:
        self.index = index
        self.num_tokens = 0
        """Tokens up to the one that completed a stop sequence, or all so far."""
        self.is_stopped = False
        """A stop sequence has been found; further tokens are not wanted."""
        self._texts = texts
        self._detokenizer = Detokenizer(texts)
        self._stop_matcher = stop_matcher
        self._num_decoded_chars = 0
        self._num_shown_chars = 0
        self._logprobs: deque[tuple[TokenLogprob, int, int]] = deque()
        """Waiting for the text of their token to be shown: entry, its first and last character."""

    def add(
        self, token_ids: Sequence[int], logprobs: Sequence[generation.TokenLogprob] | None
    ) -> Delta | None:
        """What these tokens show, None if nothing yet."""
        if self._stop_matcher is None and logprobs is None:
            self.num_tokens += len(token_ids)
            text = self._detokenizer.add(token_ids)
            return Delta(self.index, text) if text else None
        parts = []
        for position, token_id in enumerate(token_ids):
            self.num_tokens += 1
            text = self._detokenizer.add((token_id,))
            if logprobs is not None:
                self._queue_logprob(logprobs[position], num_chars=len(text))
            if self._stop_matcher is not None:
                text, self.is_stopped = self._stop_matcher.add(text)
            parts.append(text)
            if self.is_stopped:
                break
        return self._delta("".join(parts), has_logprobs=logprobs is not None)

    def finish(self) -> Delta | None:
        """What was held back, once nothing more can come."""
        text = self._detokenizer.flush()
        if self._stop_matcher is not None:
            text, self.is_stopped = self._stop_matcher.add(text)
            text += self._stop_matcher.flush()
        return self._delta(text, has_logprobs=bool(self._logprobs), is_last=True)

    def _delta(self, text: str, *, has_logprobs: bool, is_last: bool = False) -> Delta | None:
        self._num_shown_chars += len(text)
        entries = tuple(self._shown_logprobs(is_last)) if has_logprobs else ()
        if not text and not entries:
            return None
        return Delta(self.index, text, entries if has_logprobs else None)

    def _queue_logprob(self, logprob: generation.TokenLogprob, *, num_chars: int) -> None:
        first = self._num_decoded_chars
        self._num_decoded_chars += num_chars
        # A token that ends inside a character is shown with that character.
        end = self._num_decoded_chars + self._detokenizer.has_pending
        self._logprobs.append((self._chat_logprob(logprob), first, end))

    def _shown_logprobs(self, is_last: bool) -> Iterator[TokenLogprob]:
        while self._logprobs:
            entry, first, end = self._logprobs[0]
            is_shown = end <= self._num_shown_chars or (is_last and not self.is_stopped)
            # Of a token that the stop sequence cuts in two, a part is shown.
            is_cut = self.is_stopped and first < self._num_shown_chars
            if not is_shown and not is_cut:
                return
            self._logprobs.popleft()
            yield entry

    def _chat_logprob(self, logprob: generation.TokenLogprob) -> TokenLogprob:
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


def _readable(token_bytes: bytes) -> str:
    return token_bytes.decode("utf-8", "replace")
