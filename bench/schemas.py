"""Is every answer a valid document? `python -m bench.schemas` draws until it believes it.

Three counts over the public schemas of `shared/data` (MaskBench's easier splits):

- coverage: how many schemas are served strictly and leniently, how many of their invalid instances
  the constraint lets through (it must be none), how long compiling takes;
- draws: documents written by samplers that want none (they never close, love whitespace, digits,
  text, or choose at random), with the embedded model's vocabulary and budgets from the smallest on;
- model draws: documents by the embedded model over HTTP, streamed or not, temperature 0 to 2.

Every document is checked by jsonschema-rs, formats included. The exit code is 1 if one was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from statistics import median
from typing import Any

import jsonschema_rs

from e2e.conftest import galop_serve
from galop.backends.llama.model import LlamaModel
from galop.backends.llama.tokenizer import LlamaTokenizer
from galop.benchmark.client import Client, read_completion
from galop.grammar.compiled_schema import compile_schema
from galop.grammar.document import DocumentConstraint
from galop.grammar.errors import SchemaError
from galop.grammar.factory import GrammarFactory
from galop.grammar.text import DocumentText
from galop.grammar.tokenizer import llama_vocabulary
from galop.grammar.vocabulary import Vocabulary
from galop.library.embedded import embedded_model_path
from galop.protocol.constraints import ConstraintSpec
from galop.protocol.errors import BudgetTooSmallError, ConstraintFailedError
from server.tests.grammar.adversary import KINDS, SCHEMAS, Adversary, SchemaCase, public_schemas

EXTRA_TOKENS = (0, 0, 1, 2, 3, 5, 8, 13, 20, 40, 80, 150, 300, 600, 4_096)
"""Beyond the smallest document."""
ENOUGH = 1_000_000


def is_valid(schema: Any, text: str) -> bool:
    """As a strict reader sees it."""
    try:
        document = json.loads(text)
    except ValueError:
        return False
    return jsonschema_rs.validator_for(schema, validate_formats=True, offline=True).is_valid(
        document
    )


class Grammars:
    """Constraints with the embedded model's vocabulary."""

    def __init__(self) -> None:
        self._model = LlamaModel(embedded_model_path(), vocab_only=True)
        tokenizer = LlamaTokenizer(self._model)
        ll_tokenizer = llama_vocabulary(
            tokenizer.raw_token_bytes(),
            vocab_address=tokenizer.vocab_address,
            tokenize_address=tokenizer.tokenize_address,
            end_token_ids=tokenizer.end_token_ids,
        )
        self.end_ids = tokenizer.end_token_ids
        self.vocabulary = Vocabulary(ll_tokenizer)
        self.make = GrammarFactory(ll_tokenizer)


def coverage(cases: list[SchemaCase], grammars: Grammars) -> Counter[str]:
    """How many schemas are served, and what passes that should not."""
    counts: Counter[str] = Counter(schemas=len(cases))
    times_ms = []
    for case in cases:
        text = json.dumps(case.schema)
        started_s = time.perf_counter()
        try:
            grammars.make.prepare(ConstraintSpec(schema=text))
            times_ms.append((time.perf_counter() - started_s) * 1000)
            compiled = compile_schema(text)
            counts["served leniently"] += 1
            DocumentText(compiled).check()
            counts["served strictly"] += 1
        except (ConstraintFailedError, SchemaError):
            continue
        for test in case.tests:
            counts["valid instances" if test["valid"] else "invalid instances"] += 1
            if _lets_through(grammars, text, test["data"]):
                passed = "valid" if test["valid"] else "INVALID"
                counts[f"{passed} instances let through"] += 1
    times_ms.sort()
    print(
        f"compiling: median {median(times_ms):.1f} ms, p99 {times_ms[len(times_ms) * 99 // 100]:.1f} ms"
    )
    return counts


def _lets_through(grammars: Grammars, schema: str, value: Any) -> bool:
    constraint = grammars.make(ConstraintSpec(schema=schema), max_tokens=ENOUGH)
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    token_ids = grammars.vocabulary.segment(text)
    return all(map(constraint.try_accept, token_ids)) and constraint.can_end


def draws(cases: list[SchemaCase], grammars: Grammars, num_draws: int, seed: int) -> Counter[str]:
    """Documents by samplers that want none."""
    adversary = Adversary(grammars.vocabulary, seed)
    counts: Counter[str] = Counter()
    for _ in range(num_draws):
        case = adversary.random.choice(cases)
        spec = ConstraintSpec(schema=json.dumps(case.schema))
        try:
            grammars.make(spec, max_tokens=0)
        except BudgetTooSmallError as error:
            budget = error.num_tokens_needed + adversary.random.choice(EXTRA_TOKENS)
        except ConstraintFailedError:
            counts["refused beforehand"] += 1
            continue
        kind = adversary.random.choice(KINDS)
        constraint = grammars.make(spec, max_tokens=budget)
        try:
            assert isinstance(constraint, DocumentConstraint)
            token_ids = adversary.document(constraint, kind, budget, grammars.end_ids)
        except ConstraintFailedError as error:
            counts["FAILED"] += 1
            print(f"failed: {case.name}, {kind}, budget {budget}: {error.reason}, {constraint!r}")
            continue
        tokens = (grammars.vocabulary.token_bytes[token_id] for token_id in token_ids)
        document = b"".join(tokens).decode("utf-8", "replace")
        counts["over budget"] += len(token_ids) > budget
        counts["closed by the budget"] += constraint.closed_by_budget
        is_good = is_valid(case.schema, document)
        counts["valid" if is_good else "NOT VALID"] += 1
        if not is_good:
            print(f"not valid: {case.name}, {kind}, budget {budget}: {document[-200:]}")
    return counts


async def model_draws(cases: list[SchemaCase], url: str, num_draws: int, seed: int) -> Counter[str]:
    """Documents by the model, over HTTP."""
    rng = random.Random(seed)
    gate = asyncio.Semaphore(16)
    counts: Counter[str] = Counter()

    async def one(case: SchemaCase, body: dict[str, Any]) -> None:
        async with gate:
            exchange = await client.send(client.post("/openai/v1/chat/completions", body))
        if exchange.status != 200:
            error = exchange.json()["error"]
            known = "smallest one takes" in error["message"] or error.get("param")
            counts["refused beforehand" if known else f"STATUS {exchange.status}"] += 1
            return
        text = read_completion(exchange).text if body["stream"] else _text(exchange.json())
        counts["valid" if is_valid(case.schema, text) else "NOT VALID"] += 1

    client = Client(url, timeout_s=600)
    chosen = (rng.choice(cases) for _ in range(num_draws))
    await asyncio.gather(*(one(case, _body(case, rng)) for case in chosen))
    return counts


def _body(case: SchemaCase, rng: random.Random) -> dict[str, Any]:
    asked = {"name": "draw", "schema": case.schema, "strict": True}
    return {
        "model": "llama3-8b-8192",
        "messages": [{"role": "user", "content": "Make up an example, as JSON."}],
        "response_format": {"type": "json_schema", "json_schema": asked},
        "temperature": rng.choice([0, 0.5, 1, 1.5, 2]),
        "max_tokens": rng.choice([10, 20, 40, 80, 160, 600, None]),
        "seed": rng.getrandbits(32),
        "stream": rng.random() < 0.5,
    }


def _text(answer: Any) -> str:
    return str(answer["choices"][0]["message"]["content"])


def _show(title: str, counts: Counter[str]) -> bool:
    print(f"{title}: " + ", ".join(f"{value:,} {key}" for key, value in counts.items()), flush=True)
    return not any(key.isupper() or key.split()[0].isupper() for key, n in counts.items() if n)


def main() -> int:
    """Count, print, and say by the exit code whether all was well."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--model-draws", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip-coverage", action="store_true")
    options = parser.parse_args()
    if not SCHEMAS.exists():
        print(f"{SCHEMAS.name} is not beside the project")
        return 2
    cases, grammars = public_schemas(), Grammars()
    is_well = options.skip_coverage or _show("coverage", coverage(cases, grammars))
    is_well &= _show("draws", draws(cases, grammars, options.draws, options.seed))
    if options.model_draws:
        with galop_serve("--log-level", "error") as server:
            found = asyncio.run(
                model_draws(cases, server.base_url, options.model_draws, options.seed)
            )
        is_well &= _show("model draws", found)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
