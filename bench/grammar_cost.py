"""What does a constraint cost per token? `python -m bench.grammar_cost` replays documents through one.

The grammar alone, without a model: the embedded model's tokens of JSON documents in four styles go
through JSON mode and through a JSON Schema as an engine would take them (`try_accept`,
`forced_tokens`; at every eighth token one that is wrong first, and the mask for it). The time is the
CPU time of this process per token of the document.

`--against PATH`: the same with the code of another checkout, in processes of their own, in the order
A B B A, and the ratio of the medians.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from galop.backends.llama.model import LlamaModel
from galop.backends.llama.tokenizer import LlamaTokenizer
from galop.grammar.factory import GrammarFactory
from galop.grammar.tokenizer import llama_vocabulary
from galop.library.embedded import embedded_model_path
from galop.protocol.constraints import ConstraintSpec

REPOSITORY = Path(__file__).parents[1]
STYLES: tuple[dict[str, Any], ...] = ({}, {"separators": (",", ":")}, {"indent": 2}, {"indent": 4})
NUM_DOCUMENTS = 24
REFUSED_EVERY = 8
WORDS = [
    "the",
    "river",
    "runs",
    "through",
    "a",
    "small",
    "town",
    "and",
    "nobody",
    "knows",
    "why",
    "it",
    "is",
    "called",
    "so;",
    "Größe,",
    "café,",
    "naïve,",
    "東京,",
    "a",
    "5",
    "%",
    "share",
    "of",
    "12,000",
    "items",
    "was",
    "sold",
    "on",
    "Monday",
    "morning",
]
PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"type": "string"},
        "address": {
            "type": "object",
            "properties": {"street": {"type": "string"}, "number": {"type": "number"}},
            "required": ["street"],
        },
    },
    "required": ["name", "age", "tags"],
}
SPECS = {
    "json_object": ConstraintSpec(json_object=True),
    "schema": ConstraintSpec(schema=json.dumps(PERSON)),
    "checked schema": ConstraintSpec(
        schema=json.dumps(
            PERSON | {"properties": PERSON["properties"] | {"seen": {"format": "date-time"}}}
        )
    ),
}


def documents(rng: random.Random) -> Iterator[str]:
    """Objects that satisfy `PERSON`, some with much text, in all styles."""
    for index in range(NUM_DOCUMENTS):
        value = {
            "name": _text(rng, 2),
            "age": rng.randrange(100),
            "tags": [_text(rng, 1) for _ in range(rng.randrange(6))],
            "note": _text(rng, rng.choice([5, 40, 150])),
            "address": {"street": _text(rng, 3), "number": rng.randrange(10_000) / 10},
        }
        style = STYLES[index % len(STYLES)]
        yield json.dumps(value, ensure_ascii=index % 5 == 0, **style)


def _text(rng: random.Random, num_words: int) -> str:
    return " ".join(rng.choices(WORDS, k=num_words))


class Replay:
    """Documents as the calls that an engine would make for them."""

    def __init__(self) -> None:
        self._model = LlamaModel(embedded_model_path(), vocab_only=True)
        self._tokenizer = LlamaTokenizer(self._model)
        vocabulary = llama_vocabulary(
            self._tokenizer.raw_token_bytes(),
            vocab_address=self._tokenizer.vocab_address,
            tokenize_address=self._tokenizer.tokenize_address,
            end_token_ids=self._tokenizer.end_token_ids,
        )
        self._factory = GrammarFactory(vocabulary)
        (self._wrong,) = self._tokenizer.encode("\t")

    def num_tokens(self, document: str) -> int:
        """Number of tokens of `document`, as the tokenizer encodes it."""
        return len(self._tokenizer.encode(document))

    def accepted(self, spec: ConstraintSpec, document: str, max_tokens: int) -> list[int]:
        """The tokens that the model would have to choose; the others are forced."""
        constraint = self._factory(spec, max_tokens=max_tokens)
        data = document.encode()
        index, planned, chosen = 0, list[int](), list[int]()
        while index < len(data):
            if not planned:
                planned = self._tokenizer.encode(data[index:].decode())
            token_id = planned.pop(0)
            if not constraint.try_accept(token_id):
                raise ValueError(f"refused at {data[index:][:40]!r}")
            chosen.append(token_id)
            index += len(self._tokenizer.token_bytes(token_id))
            for forced in constraint.forced_tokens():
                piece = self._tokenizer.token_bytes(forced)
                if not data.startswith(piece, index):
                    raise ValueError(f"{piece!r} was forced before {data[index:][:40]!r}")
                index += len(piece)
                planned = []
        return chosen

    def cpu_s(self, spec: ConstraintSpec, chosen: list[int], max_tokens: int) -> float:
        """Process CPU seconds that the constraint takes to accept the tokens `chosen`."""
        constraint = self._factory(spec, max_tokens=max_tokens)
        started_s = time.process_time()
        for index, token_id in enumerate(chosen):
            if index % REFUSED_EVERY == 0 and not constraint.try_accept(self._wrong):
                constraint.allowed_mask()
            constraint.try_accept(token_id)
            if not constraint.is_complete:
                constraint.forced_tokens()
        return time.process_time() - started_s


def measure(name: str, num_rounds: int) -> float:
    """Microseconds per token: the best of the rounds, all documents in each: others disturb the rest."""
    replay, spec = Replay(), SPECS[name]
    texts = list(documents(random.Random(0)))
    num_tokens = sum(map(replay.num_tokens, texts))
    runs = [(replay.accepted(spec, text, 4_096), 4_096) for text in texts]
    rounds = [
        sum(replay.cpu_s(spec, chosen, max_tokens) for chosen, max_tokens in runs)
        for _ in range(num_rounds)
    ]
    return min(rounds) / num_tokens * 1e6


def _measured_by(checkout: Path, name: str, num_rounds: int) -> float:
    paths = (checkout, checkout / "server" / "src", checkout / "sdk" / "src")
    command = [sys.executable, str(Path(__file__).resolve()), "--measure", name]
    run = subprocess.run(
        [*command, "--rounds", str(num_rounds)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(run.stdout)


def main() -> None:
    """Print the microseconds per token of each kind of constraint."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=40, help="in each process")
    parser.add_argument("--pairs", type=int, default=4, help="of processes")
    parser.add_argument("--measure", choices=SPECS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(measure(options.measure, options.rounds))
        return
    for name in SPECS:
        if options.against is None:
            print(f"{name}: {_measured_by(REPOSITORY, name, options.rounds):.1f} us per token")
            continue
        found: dict[Path, list[float]] = {REPOSITORY: [], options.against: []}
        for pair in range(options.pairs):
            order = list(found) if pair % 2 == 0 else list(found)[::-1]
            for checkout in order:
                found[checkout].append(_measured_by(checkout, name, options.rounds))
        here, there = (median(times) for times in found.values())
        print(f"{name}: {here:.1f} us per token, there {there:.1f}: {here / there:.2f}", flush=True)


if __name__ == "__main__":
    main()
