"""A model without weights, for our tests and for those of users (`galop.testing`).

`ScriptedModel` is a `ModelRunner`. It asserts that the engine keeps the contract of `ModelRunner`: each row
continues its slot. `ScriptedTokenizer` has the 256 bytes and three control tokens.

`galop serve --model scripted:Hello` serves a model that always answers "Hello"; that of `--model scripted:`
repeats the last user message.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

import numpy as np

from galop.engine.runner import Batch, BatchCosts, Float32Array, LinearCosts

START, END, UNUSED = 256, 257, 258
VOCAB_SIZE = 259

_TEXTS = {START: "<|im_start|>", END: "<|im_end|>", UNUSED: "<|unused|>"}
_PIECES = re.compile(r"(<\|im_start\|>|<\|im_end\|>|<\|unused\|>)")
_IDS = {text: token_id for token_id, text in _TEXTS.items()}
_CERTAIN = 20.0

Reply = Callable[[str], str]
"""The text of a prompt, control tokens included, to the text of its answer."""


class ScriptedTokenizer:
    """One token per byte. Implements `chat.tokenizer.Tokenizer`."""

    vocab_size = VOCAB_SIZE
    end_token_ids = frozenset({END})
    bos_token = ""
    eos_token = "<|im_end|>"
    special_token_texts = frozenset(_IDS)

    def encode(self, text: str, *, parse_special: bool = True) -> list[int]:
        """The bytes of `text`, and control tokens for their texts if `parse_special`."""
        if not parse_special:
            return list(text.encode("utf-8", "replace"))
        token_ids: list[int] = []
        for piece in _PIECES.split(text):
            if piece in _IDS:
                token_ids.append(_IDS[piece])
            else:
                token_ids += piece.encode("utf-8", "replace")
        return token_ids

    def token_bytes(self, token_id: int) -> bytes:
        """The byte, or b"" for a control token."""
        return bytes([token_id]) if token_id < 256 else b""

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text with control tokens spelled out."""
        parts = [
            _TEXTS[token_id].encode() if token_id in _TEXTS else bytes([token_id])
            for token_id in token_ids
        ]
        return b"".join(parts).decode("utf-8", "replace")


def repeat_last_user_message(prompt: str) -> str:
    """The default reply: the last user message of the prompt."""
    messages = re.findall(r"<\|im_start\|>user\n(.*?)<\|im_end\|>", prompt, re.DOTALL)
    return messages[-1].strip() if messages else ""


class ScriptedModel:
    """Answers every prompt with `reply(prompt text)` and the end token.

    The prompt ends before the last line "<|im_start|>assistant". `forward` takes `step_time_s` seconds. It
    raises AssertionError if the engine breaks the contract of `ModelRunner`.
    """

    def __init__(
        self,
        reply: str | Reply = repeat_last_user_message,
        *,
        num_slots: int = 16,
        context_window: int = 8192,
        max_batch_rows: int = 512,
        step_time_s: float = 0.0,
    ) -> None:
        self._reply: Reply = reply if callable(reply) else lambda _prompt: reply
        self.vocab_size = VOCAB_SIZE
        self.num_slots = num_slots
        self.context_window = context_window
        self.max_batch_rows = max_batch_rows
        self.end_token_ids = frozenset({END})
        self.is_batch_invariant = True
        self.batch_costs: BatchCosts = LinearCosts()
        self.step_time_s = step_time_s
        self.slots: list[list[int]] = [[] for _ in range(num_slots)]
        self.batch_sizes: list[int] = []
        """Number of rows of each forward pass so far."""
        self._tokenizer = ScriptedTokenizer()
        self._marker = self._tokenizer.encode("<|im_start|>assistant\n")

    @classmethod
    def from_name(cls, name: str, *, num_slots: int, context_window: int) -> ScriptedModel:
        """The model of a source `scripted:` or `scripted:TEXT`."""
        text = name.removeprefix("scripted:")
        reply: str | Reply = text or repeat_last_user_message
        return cls(reply, num_slots=num_slots, context_window=context_window)

    def forward(self, batch: Batch) -> Float32Array:
        assert 0 < batch.num_rows <= self.max_batch_rows
        self.batch_sizes.append(batch.num_rows)
        if self.step_time_s:
            time.sleep(self.step_time_s)
        rows = []
        for token_id, position, slot, needs in zip(
            batch.token_ids, batch.positions, batch.slots, batch.needs_logits, strict=True
        ):
            tokens = self.slots[slot]
            assert position == len(tokens), f"slot {slot} holds {len(tokens)}, row is {position}"
            assert len(tokens) < self.context_window, f"slot {slot} is full"
            tokens.append(int(token_id))
            if needs:
                rows.append(self.logits(tokens))
        return np.array(rows, dtype=np.float32).reshape(len(rows), self.vocab_size)

    def logits(self, tokens: Sequence[int]) -> Float32Array:
        """Logits of the token after `tokens`, shape (vocab_size,). Override for other distributions."""
        row = np.full(self.vocab_size, -_CERTAIN / 2, dtype=np.float32)
        row[self._next_token(tokens)] = _CERTAIN / 2
        return row

    def _next_token(self, tokens: Sequence[int]) -> int:
        size = len(self._marker)
        for start in range(len(tokens) - size, -1, -1):
            if list(tokens[start : start + size]) == self._marker:
                break
        else:
            return END
        prompt = self._tokenizer.decode(tokens[:start])
        answer = self._reply(prompt).encode()
        num_generated = len(tokens) - start - size
        return answer[num_generated] if num_generated < len(answer) else END

    def copy_prefix(self, source: int, targets: Sequence[int], num_tokens: int) -> None:
        assert num_tokens <= len(self.slots[source])
        for target in targets:
            self.slots[target] = self.slots[source][:num_tokens]

    def truncate(self, slot: int, num_tokens: int) -> None:
        assert num_tokens <= len(self.slots[slot])
        del self.slots[slot][num_tokens:]

    def close(self) -> None:
        """Nothing to free."""
