"""Inputs that nobody would send on purpose: no 500, no hang, no crash.

`python -m reliability.fuzz --inputs 50000`. Requests go over a real socket to a `galop serve` with a scripted
model; what a server takes in before that (schemas, templates, schedules) and the SDK's event decoder
are called directly. The same --seed draws the same inputs.

Sources: schemathesis draws from our own OpenAPI document, Hypothesis the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as with_seed
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from galop.benchmark.client import Client, Exchange
from galop.chat import ChatTemplate, RenderingPool
from galop.chat.errors import TemplateError, TemplateLimitError
from galop.engine.engine import Engine
from galop.grammar.errors import SchemaError
from galop.grammar.factory import GrammarFactory
from galop.grammar.tokenizer import byte_vocabulary
from galop.protocol.constraints import ConstraintSpec
from galop.protocol.errors import ConstraintFailedError
from galop.protocol.events import EngineEvent, Failed, Finished
from galop.protocol.requests import GenerationRequest, SamplingParams
from galop.testing import ScriptedModel, ScriptedTokenizer
from groq._sse import EventDecoder
from reliability.answers import PATH
from reliability.raw import request_bytes, send_bytes
from reliability.report import Report, finish, new_report, parser
from reliability.requests import TOOL
from reliability.service import Service, serving

SLOW_S = 5.0
"""An input that takes longer has hung."""
COLUMNS = ("target", "inputs", "outcomes", "failures", "slowest, ms", "seconds")
# Any in this module: whatever Hypothesis and schemathesis draw, JSON most of it.
Draw = Any


class HungError(Exception):
    """One input took longer than `SLOW_S`."""


@dataclass
class Trial:
    """One target: counts its inputs, times them, and remembers how they ended."""

    url: str
    port: int
    num_inputs: int
    seed: int

    def __post_init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.slowest_s = 0.0

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Around each input."""
        started_s = time.monotonic()
        yield
        seconds = time.monotonic() - started_s
        self.slowest_s = max(self.slowest_s, seconds)
        if seconds > SLOW_S:
            raise HungError(f"{seconds:.1f} s")

    def settings(self, num_inputs: int | None = None) -> settings:
        """Every input counts, none is remembered, and a failure is reported small."""
        return settings(
            max_examples=num_inputs or self.num_inputs,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
            verbosity=Verbosity.quiet,
        )

    def run(self, strategy: st.SearchStrategy[Draw], check: Callable[[Draw], str]) -> None:
        """`check` says how an input ended, and raises where it must not end so."""

        @with_seed(self.seed)
        @self.settings()
        @given(strategy)
        def test(drawn: Draw) -> None:
            with self.one():
                outcome = check(drawn)
            self.outcomes[outcome] += 1

        test()


def judged(exchange: Exchange) -> str:
    """The status, if the answer is one that a client can work with. Raises AssertionError."""
    assert exchange.broken is None, exchange
    assert exchange.status not in (500, 502, 504), exchange
    if exchange.status != 200:
        assert exchange.json()["error"]["message"], exchange
    elif exchange.headers["content-type"].startswith("text/event-stream"):
        assert exchange.content.endswith(b"data: [DONE]\n\n"), exchange
    else:
        assert exchange.json()["object"] == "chat.completion", exchange
    return str(exchange.status)


# Requests.


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
"""Not that whatever fits the schema is accepted: models must exist, options fit each other."""


def described_requests(trial: Trial) -> None:
    """Drawn from /openapi.json; answers must be what it says they are."""
    schema = schemathesis.openapi.from_url(f"{trial.url}/openapi.json")
    operation = schema["/openai/v1/chat/completions"]["POST"]

    def check(case: Draw) -> str:
        if isinstance(case.body, dict) and len(case.body.get("messages") or ()) % 2:
            case.body["model"] = "scripted"  # or no request would get further than its model
        response = case.call()
        assert response.status_code < 500, response.text
        case.validate_response(response, checks=CHECKS)
        return str(response.status_code)

    trial.run(operation.as_strategy(), check)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
_FIELDS: dict[str, object] = {
    "messages": [{"role": "user", "content": "Hi"}],
    "temperature": 0.5,
    "top_p": 0.9,
    "max_tokens": 5,
    "max_completion_tokens": 5,
    "n": 2,
    "seed": 1,
    "stop": ["x"],
    "stream": True,
    "stream_options": {"include_usage": True},
    "frequency_penalty": 0.1,
    "presence_penalty": -0.1,
    "logit_bias": {"5": 3},
    "logprobs": True,
    "top_logprobs": 2,
    "response_format": {"type": "json_object"},
    "tools": [TOOL],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "functions": [TOOL["function"]],
    "function_call": "auto",
    "user": "u",
    "service_tier": "flex",
    "reasoning_format": "parsed",
    "include_reasoning": True,
    "metadata": {"a": "b"},
    "store": False,
}
_CONTENT = _JSON | st.sampled_from(
    ["", "\x00", "\ud800", [{"type": "text", "text": "Hi"}], [{"type": "image_url"}], "🧑‍🚒" * 20]
)
_MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system", "assistant", "tool", "function", "?"])},
    optional={
        "content": _CONTENT,
        "name": _JSON,
        "tool_calls": _JSON,
        "tool_call_id": st.text(max_size=3),
    },
)


_COMPATIBLE = sorted(set(_FIELDS) - {"functions", "function_call", "max_completion_tokens"})


def _changed(drawn: tuple[list[str], str, Draw]) -> bytes:
    """A body of some fields that may stand together, one of them replaced or another one added."""
    names, name, value = drawn
    fields = {each: _FIELDS[each] for each in names} | {
        "messages": _FIELDS["messages"],
        name: value,
    }
    return json.dumps({"model": "scripted", **fields}).encode()


def changed_requests(trial: Trial) -> None:
    """Valid bodies with one field replaced by any JSON, or by messages of any kind."""
    names = st.lists(st.sampled_from(_COMPATIBLE), max_size=3, unique=True)
    likely = st.sampled_from([*_FIELDS.values(), 0, 1, 2, -1, 0.0, 1.5, [], {}, "", "auto", "none"])
    values = st.tuples(
        names, st.sampled_from(sorted(_FIELDS)) | st.text(max_size=8), _JSON | likely | likely
    )
    messages = st.tuples(names, st.just("messages"), st.lists(_MESSAGE, max_size=4))
    client = Client(trial.url, timeout_s=2 * SLOW_S)
    with asyncio.Runner() as runner:
        trial.run(
            (values | messages).map(_changed),
            lambda body: judged(runner.run(client.send(client.post(PATH, body)))),
        )


def raw_bytes(trial: Trial) -> None:
    """Anything at all where HTTP is expected, and where JSON is; the server must go on."""
    torn = st.tuples(st.binary(max_size=20), st.integers(0, 150)).map(
        lambda two: request_bytes(_changed(([], "n", 1)))[: two[1]] + two[0]
    )
    nested = st.tuples(st.sampled_from([b"[", b'{"a":', b'"\\u', b"1e"]), st.integers(1, 9999)).map(
        lambda two: request_bytes(two[0] * two[1])
    )
    everything = (
        st.binary(max_size=200) | st.binary(max_size=200).map(request_bytes) | torn | nested
    )

    def check(sent: bytes) -> str:
        received = send_bytes(trial.port, sent, 2 * SLOW_S)
        status = received.split(b" ", 2)[1].decode() if received.startswith(b"HTTP/") else "closed"
        assert not status.startswith("5"), received
        assert not status.startswith("4") or b'\r\n\r\n{"error":{"message":' in received, received
        return status

    trial.run(everything, check)
    client = Client(trial.url)
    assert asyncio.run(client.send(client.get("/healthz"))).status == 200


# What a server takes in before that.


def schedules(trial: Trial) -> None:
    """The engine as a state machine: submissions, steps and cancellations in any order.

    The scripted model checks its slots and positions; here it is checked that every request ends
    exactly once, cancelled or not, and that no slot stays taken.
    """

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            trial.outcomes["schedules"] += 1
            self.events: list[EngineEvent] = []
            self.model = ScriptedModel("answer", num_slots=3, context_window=64, max_batch_rows=16)
            self.engine = Engine(self.model, self.events.extend, prefill_chunk=8)
            self.sent: dict[str, GenerationRequest] = {}
            self.cancelled: set[str] = set()

        @rule(
            prompt=st.lists(st.integers(0, 3), min_size=1, max_size=60),
            max_tokens=st.integers(1, 70),
            num_choices=st.integers(1, 4),
            temperature=st.sampled_from([0.0, 1.0]),
            tier=st.sampled_from(["performance", "on_demand", "flex"]),
            key=st.sampled_from(["", "a", "b"]),
        )
        def submit(
            self,
            prompt: list[int],
            max_tokens: int,
            num_choices: int,
            temperature: float,
            tier: Draw,
            key: str,
        ) -> None:
            name = str(len(self.sent))
            self.sent[name] = GenerationRequest(
                request_id=name,
                prompt_token_ids=prompt,
                max_tokens=max_tokens,
                num_choices=num_choices,
                sampling=SamplingParams(temperature=temperature, seed=len(prompt)),
                service_tier=tier,
                key_id=key,
            )
            self.engine.submit(self.sent[name])

        @rule(number=st.integers(0, 20))
        def cancel(self, number: int) -> None:
            if str(number) in self.sent:
                self.engine.cancel(str(number))
                self.cancelled.add(str(number))

        @rule(count=st.integers(1, 5))
        def steps(self, count: int) -> None:
            for _ in range(count):
                self.engine.step()

        @invariant()
        def nothing_failed(self) -> None:
            assert not [event for event in self.events if isinstance(event, Failed)]

        def teardown(self) -> None:
            with trial.one():
                self.engine.step()
                while not self.engine.scheduler.is_idle:
                    self.engine.step()
            ends = Counter(e.request_id for e in self.events if isinstance(e, Finished))
            for name, request in self.sent.items():
                if name not in self.cancelled:
                    assert ends[name] == request.num_choices, (request, ends[name])
            slots = self.engine.scheduler.slots
            assert all(slot.sequence is None for slot in slots)

    @with_seed(trial.seed)
    def run() -> None:
        run_state_machine_as_test(Machine, settings=trial.settings())

    run()


_NUMBERS = st.integers(-3, 12) | st.sampled_from([0.5, -1e300, 2**70])
_LEAVES = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "integer", "number", "boolean", "null"])},
    optional={
        "minLength": _NUMBERS,
        "maxLength": _NUMBERS,
        "minimum": _NUMBERS,
        "maximum": _NUMBERS,
        "multipleOf": _NUMBERS,
        "pattern": st.sampled_from(["^(a+)+$", "[", "x*", "\\d{1,99}", "(?=a)b", "^.{0,9999}$"]),
        "format": st.sampled_from(["date", "email", "uuid", "nothing"]),
        "enum": st.lists(_JSON, max_size=3),
    },
)
_STRANGE = _JSON | st.sampled_from(
    [{"$ref": "#"}, {"$ref": "#/$defs/a"}, {"const": {"a": [1]}}, {"enum": []}, True, False, {}]
)


def _composed(inner: st.SearchStrategy[Draw]) -> st.SearchStrategy[Draw]:
    names = st.sampled_from(["a", "b", "", '"', "ü"])
    members = st.dictionaries(names, inner, max_size=3)
    rows = st.lists(inner, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", ["object", "null"], "string"]),
            "properties": members,
            "required": st.lists(names, max_size=2),
            "additionalProperties": inner,
            "patternProperties": members,
            "items": inner,
            "prefixItems": rows,
            "minItems": _NUMBERS,
            "maxItems": _NUMBERS,
            "uniqueItems": st.booleans(),
            "anyOf": rows,
            "oneOf": rows,
            "allOf": rows,
            "not": inner,
            "if": inner,
            "then": inner,
            "$defs": members,
        },
    )


_SCHEMAS = st.recursive(_LEAVES | _LEAVES | _STRANGE, _composed, max_leaves=10)


def schemas(trial: Trial) -> None:
    """Compiled, and where that works a document is begun. Refusals must be ours, by name."""
    make = GrammarFactory(byte_vocabulary(ScriptedTokenizer()))

    def check(schema: Draw) -> str:
        spec = ConstraintSpec(schema=json.dumps(schema), is_strict=False)
        try:
            make.prepare(spec)
            constraint = make(spec, max_tokens=200)
        except (SchemaError, ConstraintFailedError):
            return "refused"
        constraint.forced_tokens()
        return "served"

    trial.run(_SCHEMAS, check)


_PIECES = st.sampled_from(
    [
        "{{ messages[0].content }}",
        "{% for m in messages %}",
        "{% for i in range(99999) %}",
        "{% endfor %}",
        "{% if tools %}",
        "{% endif %}",
        "{{ 'a' * 10**9 }}",
        "{{ x }}",
        "{% set x = x ~ x ~ 'y' %}",
        "{% set x = [x, x] %}",
        "{{ x | tojson }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ '%099999999d' % 1 }}",
        "{{ messages | join(x) }}",
        "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ raise_exception('no') }}",
        "{% generation %}",
        "{% break %}",
        "\n",
    ]
)


_RENDER_LIMIT_S = 0.5
"""A tenth of what a server gives a template: many of these rows never end."""


def templates(trial: Trial) -> None:
    """Any row of pieces and text, as a model file might have it."""

    def check(pieces: list[str]) -> str:
        source = "".join(pieces)
        try:
            template = ChatTemplate(source, bos_token="<s>", eos_token="</s>", renderer=renderer)
            template.render([{"role": "user", "content": "Hi"}], tools=[dict(TOOL)])
        except TemplateLimitError as error:
            return f"ended by the limit of {error.unit}"
        except TemplateError:
            return "refused"
        return "rendered"

    with contextlib.closing(RenderingPool(time_limit_s=_RENDER_LIMIT_S)) as renderer:
        trial.run(st.lists(_PIECES | st.text(max_size=6), max_size=8), check)


def event_streams(trial: Trial) -> None:
    """The SDK's decoder: any bytes, cut anywhere, give the events that they give in one piece."""
    lines = st.sampled_from(
        [
            b"data: {}\n\n",
            b"data:x\r\n\r\n",
            b"\xef\xbb\xbf",
            b": c\n",
            b"id: 1\r",
            b"\n",
            b"event: e\n",
        ]
    )
    streams = st.lists(lines | st.binary(max_size=9), max_size=12).map(b"".join)

    def check(drawn: tuple[bytes, list[int]]) -> str:
        stream, cuts = drawn
        whole = EventDecoder()
        expected = list(whole.feed(stream))
        pieces = EventDecoder()
        places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
        found = [
            event
            for start, end in zip(places, [*places[1:], len(stream)], strict=True)
            for event in pieces.feed(stream[start:end])
        ]
        assert found == expected
        return f"{min(3, len(found))} events or more" if len(found) >= 3 else f"{len(found)} events"

    trial.run(st.tuples(streams, st.lists(st.integers(0, 120), max_size=6)), check)


TARGETS: dict[str, tuple[Callable[[Trial], None], float]] = {
    "requests by OpenAPI": (described_requests, 0.1),
    "changed requests": (changed_requests, 0.2),
    "raw bytes": (raw_bytes, 0.15),
    "schedules": (schedules, 0.03),
    "schemas": (schemas, 0.12),
    "templates": (templates, 0.1),
    "event streams": (event_streams, 0.3),
}
"""With their share of the inputs."""


def _try(report: Report, name: str, service: Service, num_inputs: int, seed: int) -> None:
    target, share = TARGETS[name]
    trial = Trial(service.base_url, service.port, max(1, round(share * num_inputs)), seed)
    failures = []
    gc.collect()
    gc.freeze()  # looking through what earlier targets left took 2.7 s, in the middle of somebody's input
    started_s = time.monotonic()
    try:
        target(trial)
    except (Exception, BaseExceptionGroup) as error:  # whatever an input made of it is a finding
        failures = [f"{name}: {type(error).__name__}: {error}"[:2000]]
    row: dict[str, str | int | float] = {
        "target": name,
        "inputs": trial.outcomes.total(),
        "outcomes": ", ".join(f"{count} {what}" for what, count in trial.outcomes.most_common(8)),
        "failures": len(failures),
        "slowest, ms": round(1000 * trial.slowest_s),
        "seconds": round(time.monotonic() - started_s),
    }
    report.add(row, failures)


async def run(num_inputs: int, seed: int, only: list[str]) -> Report:
    """All targets, one after the other, against one server."""
    report = new_report(f"Fuzz, {num_inputs} inputs, seed {seed}", COLUMNS)
    async with serving("--model", "scripted:Hello", "--log-level", "error") as service:
        pids = (service.process.pid, service.engine_pid)
        for name in only or TARGETS:
            await asyncio.to_thread(_try, report, name, service, num_inputs, seed)
        if (service.process.pid, service.engine_pid) != pids:
            report.problems.append("the engine died")
        if "Traceback" in service.log():
            report.problems.append(f"the server logged an error: {service.log()[-2000:]}")
    return report


def main() -> None:
    """The command."""
    arguments = parser(__doc__)
    arguments.add_argument("--inputs", type=int, default=50_000, help="of all targets (50000)")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", nargs="+", choices=TARGETS, metavar="TARGET")
    options = arguments.parse_args()
    finish(asyncio.run(run(options.inputs, options.seed, options.only)), options.json)


if __name__ == "__main__":
    main()
