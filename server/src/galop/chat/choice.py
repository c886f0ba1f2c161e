"""One choice of a completion: token ids become text, text meets its stop sequences."""

from __future__ import annotations

from collections.abc import Sequence

from galop.chat.detokenizer import Detokenizer
from galop.chat.events import Delta, FinishReason, TokenLogprob, TopLogprob
from galop.chat.stop import StopMatcher
from galop.chat.tokenizer import Tokenizer
from galop.engine.generation import TokenLogprob as EngineTokenLogprob


class Choice:
    """Turns what the engine says of one choice into deltas. Pure: does no waiting."""

    def __init__(self, index: int, tokenizer: Tokenizer, stop: Sequence[str]) -> None:
        self.index = index
        self._tokenizer = tokenizer
        self._detokenizer = Detokenizer()
        self._stop = StopMatcher(stop)
        self._held_logprobs: list[TokenLogprob] = []
        self.num_tokens = 0
        """Tokens so far; the end token is added by `Finished`."""
        self.finish_reason: FinishReason | None = None

    def has_met_stop(self) -> bool:
        """True once a stop sequence ended this choice."""
        return self._stop.has_matched

    def feed(
        self, token_ids: Sequence[int], logprobs: Sequence[EngineTokenLogprob] | None
    ) -> Delta | None:
        """New tokens; the delta they complete, None while all text is held back."""
        text = ""
        for position, token_id in enumerate(token_ids):
            if self._stop.has_matched:
                break
            self.num_tokens += 1
            piece = self._detokenizer.feed(self._tokenizer.token_bytes(token_id))
            text += self._stop.feed(piece)
            if logprobs is not None:
                self._held_logprobs.append(self._describe(logprobs[position]))
        return self._delta(text)

    def flush(self) -> Delta | None:
        """The end of the tokens: what was held back comes out, unless a stop sequence came."""
        if self._stop.has_matched:
            return None
        text = self._stop.feed(self._detokenizer.flush())
        return self._delta(text if self._stop.has_matched else text + self._stop.flush())

    def _delta(self, text: str) -> Delta | None:
        """Log probabilities wait for the text of their token; a stop match drops those held."""
        if not text:
            return None
        held, self._held_logprobs = self._held_logprobs, []
        return Delta(self.index, text, tuple(held) if held else None)

    def _describe(self, entry: EngineTokenLogprob) -> TokenLogprob:
        top = tuple(TopLogprob(*self._text_of(token_id), value) for token_id, value in entry.top)
        text, data = self._text_of(entry.token_id)
        return TokenLogprob(text, data, entry.logprob, top, entry.constrained_logprob)

    def _text_of(self, token_id: int) -> tuple[str, bytes]:
        data = self._tokenizer.token_bytes(token_id)
        return data.decode("utf-8", "replace"), data
