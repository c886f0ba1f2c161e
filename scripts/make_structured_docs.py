"""Makes docs/structured-output.md: the table of keywords is tried out, the words are kept here.

Run `make docs` after changing `galop.grammar` or
`server/tests/grammar/keyword_examples.py`; a test compares the committed page with what this makes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from galop.grammar.compiled_schema import MAX_RULE_DEPTH, MAX_SCHEMA_BYTES, compile_schema
from galop.grammar.errors import SchemaError
from galop.grammar.lowering import MAX_ITEMS
from galop.grammar.number_leaf import MAX_NUMBER_BYTES
from galop.grammar.schema import MAX_DEPTH, MAX_NODES
from server.tests.grammar.keyword_examples import EXAMPLES, KeywordExample

PAGE = Path(__file__).parent.parent / "docs" / "structured-output.md"

WORDS = f"""# Structured output

**Every answer with status 200 is one whole, valid document, whatever the budget, the temperature or
the stop sequences, streamed or not.** That holds for `json_object`, for `json_schema` and for the
arguments of function calls ([tools.md](tools.md)).

```python
from groq import Groq
from pydantic import BaseModel


class City(BaseModel):
    name: str
    country: str
    population: int


client = Groq(base_url="http://127.0.0.1:8000", api_key="none")
completion = client.chat.completions.create(
    model="llama3-8b-8192",
    messages=[{{"role": "user", "content": "Describe Lisbon, as JSON."}}],
    response_format={{
        "type": "json_schema",
        "json_schema": {{"name": "city", "schema": City.model_json_schema(), "strict": True}},
    }},
    max_tokens=60,
)
print(City.model_validate_json(completion.choices[0].message.content))
```

## The budget

The engine always knows an ending that fits into what is left of `max_tokens` (and of the context
window); a token after which none would fit is not taken. Where a check is needed, an ending that has
been checked is held all the time, whatever the budget; where no token is found that keeps one, it is
written. When the budget decided how the document ends, and only then, `finish_reason` is `length` and
`x_groq.json_completed` is true: the document is whole, the thought may not be. `usage` counts every
token.

A budget that cannot hold even the smallest document is refused before anything is generated: 400
`json_validate_failed`, and the message says how many tokens the smallest one takes.

## Stop sequences

They are looked for in the text of string values alone, and escapes count as the characters they stand
for: `stop="}}"` or `stop="\\n"` cannot wreck a document. After a match the string ends before it, and
the shortest valid ending follows.

## Whitespace

The model picks a style with its first structural bytes: compact, spaced, or indented by 2 or 4. From
then on whitespace is determined, so that it cannot run away, and costs next to nothing: what is
determined is not sampled.

## JSON mode (`json_object`)

One object by RFC 8259, which every strict parser takes: no name twice in an object, no lone surrogates,
at most some 400 levels, the outer 32 of an indented document with lines of their own, numbers of bounded
length. If no message mentions JSON, a short instruction joins the
system message. The same machinery serves JSON mode, schemas and calls.

## JSON Schema (`json_schema`)

Drafts 4 to 2020-12. Keywords are kept in one of two ways: **grammar** means that a token which breaks
the rule cannot be chosen; **check** means that the ending the engine knows is checked by a validator
(jsonschema-rs) as the document grows, and a token after which no valid ending is found is not taken.
Both end in valid documents; a check costs more time per token. Formats count, and are checked at the
end in any case.

- Properties come in the order of the schema; undeclared ones, where allowed, come last.
- A schema without `type` whose keywords are all of one type means that type.
- If the messages do not hold the names of the schema's properties, the schema joins the system message.
- `strict` is false by default, as in the original. Both values are kept alike; the difference is what
  happens where no valid document is found beforehand: `true` refuses the request, `false` lets the model
  try, and the answer may fail with `json_validate_failed`.
- Refused with status 400, `param` and a JSON pointer: what is not a JSON Schema, references to other
  documents, schemas that no finite document satisfies, schemas that make no grammar, and schemas above the
  limits: {MAX_SCHEMA_BYTES:,} bytes, {MAX_DEPTH} schemas inside each other, {MAX_NODES:,} parts,
  {MAX_RULE_DEPTH:,} properties or items in a row.
- `minItems` and `minProperties` above {MAX_ITEMS} are left to the check. Numbers have at most
  {MAX_NUMBER_BYTES} characters: Python's `json` refuses very long ones.

### Keywords

Made by trying an example of each (`scripts/make_structured_docs.py`).

| keyword | kept by |
|---|---|
"""

END = """
`format` with any other name means nothing, as JSON Schema says. `title`, `description`, `default`,
`examples` and the like are annotations.

## See for yourself

| command | what it counts |
|---|---|
| `python -m bench.schemas` | public schemas served; 10,000 documents by samplers that want none, 300 by the model over HTTP |
| `python -m bench.json_mode` | the recipe and the sentiment program of the 2024 page, 200 times each, in JSON mode and with their schema |
"""


def page() -> str:
    """The whole page."""
    return WORDS + "\n".join(rows()) + "\n" + END


def rows() -> Iterator[str]:
    """One line per example."""
    for example in EXAMPLES:
        yield f"| `{example.keyword}` | {kept_by(example)} |"


def kept_by(example: KeywordExample) -> str:
    """What the reader of schemas says to the example."""
    try:
        compiled = compile_schema(json.dumps(example.schema))
    except SchemaError as error:
        return f"refused: {error.reason.split(':')[0]}"
    return "grammar" if compiled.is_exact else "check"
