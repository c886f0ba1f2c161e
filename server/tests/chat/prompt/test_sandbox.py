"""The environment of chat templates, against what transformers gives them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from galop.chat.prompt.sandbox import (
    MAX_SOURCE_CHARS,
    RenderLimits,
    RenderOutcome,
    decode_outcome,
    encode_outcome,
    environment,
    render,
)

LIMITS = RenderLimits(output_chars=10_000_000, memory_mib=0)
NAMES: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Hi"}],
    "tools": None,
    "bos_token": "<s>",
    "eos_token": "</s>",
}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", "<s>Hi</s>"),
        (
            "{% for m in messages * 3 %}{% if loop.index > 1 %}{% break %}{% endif %}x{% endfor %}",
            "x",
        ),
        ("{{ {'a': '<é>'} | tojson }}", '{"a": "<é>"}'),
        ("{{ {'a': 1} | tojson(indent=1) }}", '{\n "a": 1\n}'),
        ("{% generation %}{{ messages[0].content }}{% endgeneration %}", "Hi"),
        ("{% set ns = namespace(n=0) %}{% set ns.n = 2 %}{{ ns.n }}", "2"),
        ("  {% if true %}\n  x\n  {% endif %}\n", "  x\n"),
        ("{{ strftime_now('%Y')[:2] }}", "20"),
        ("{{ messages[0].content.strip().startswith('H') }}", "True"),
        ("{% if tools %}t{% endif %}{% if undefined_thing %}u{% endif %}-", "-"),
    ],
)
def test_the_dialect_of_hugging_face(source: str, text: str) -> None:
    """The features that known templates use."""
    assert render(source, NAMES, LIMITS) == RenderOutcome("text", text)


def test_compiling_folds_no_constants() -> None:
    """No limit holds while compiling."""
    started_s = time.thread_time()
    for expression in ("'a'|center(10**9)|length", "'%1000000000d' % 1", "9 ** 9 ** 9"):
        environment().template(f"{{% if x %}}{{{{ {expression} }}}}{{% endif %}}{{{{ y }}}}")
        assert environment().variables(f"{{{{ {expression} }}}}{{{{ y }}}}") == {"y"}
    assert time.thread_time() - started_s < 1


def test_a_template_that_is_too_long_is_not_compiled() -> None:
    """The limit is far above known templates."""
    environment().template("x" * MAX_SOURCE_CHARS)
    with pytest.raises(ValueError, match="longer than 262144 characters"):
        environment().template("x" * (MAX_SOURCE_CHARS + 1))


@pytest.mark.parametrize("num_chars", [0, 1, 9, 10, 11])
def test_the_output_may_have_as_many_characters_as_the_limit(num_chars: int) -> None:
    """And not one more."""
    source = "{% for i in range(n) %}é{% endfor %}"
    outcome = render(source, {"n": num_chars}, RenderLimits(output_chars=10, memory_mib=0))
    expected = (
        RenderOutcome("text", "é" * num_chars) if num_chars <= 10 else RenderOutcome("output", "10")
    )
    assert outcome == expected


def test_a_template_cannot_change_its_variables() -> None:
    """Lists and dicts refuse every change."""
    names = {"messages": [{"role": "user", "content": "Hi"}]}
    for change in ("messages.append(1)", "messages[0].update(a=1)", "messages.clear()"):
        assert render(f"{{{{ {change} }}}}", names, LIMITS).kind == "refused"
    assert names == {"messages": [{"role": "user", "content": "Hi"}]}


def test_a_reason_is_bounded() -> None:
    """It becomes part of an error message."""
    outcome = render("{{ raise_exception('a' * 1000) }}", {}, LIMITS)
    assert outcome == RenderOutcome("refused", "a" * 500)
    assert render("{{ raise_exception('') }}", {}, LIMITS).text == "TemplateRuntimeError"


@pytest.mark.parametrize("kind", ["text", "refused", "output", "memory"])
def test_outcomes_survive_as_messages(kind: Any) -> None:
    """Lone surrogates included. Any: a literal."""
    outcome = RenderOutcome(kind, "a\ud800\x00é")
    assert decode_outcome(encode_outcome(outcome)) == outcome
