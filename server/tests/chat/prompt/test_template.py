"""Chat templates as models ship them."""

from __future__ import annotations

import resource
import time

import pytest

from galop.chat import ChatTemplate
from galop.chat.errors import TemplateError

USER = {"role": "user", "content": "Hi"}
SYSTEM = {"role": "system", "content": "Be kind."}

NO_SYSTEM = """
{%- for message in messages %}
    {%- if message['role'] == 'system' %}
        {{- raise_exception('System role not supported') }}
    {%- endif %}
    {{- '<' + message['role'] + '>' + message['content'] }}
{%- endfor %}
"""


def template(source: str | None) -> ChatTemplate:
    return ChatTemplate(source, bos_token="<s>", eos_token="</s>")


def test_without_a_template_it_is_chatml() -> None:
    """The most widely used format."""
    assert template(None).render([SYSTEM, USER]) == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


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
    """What templates in the wild use."""
    assert template(source).render([USER]) == text


def test_the_templates_own_words_are_kept() -> None:
    """A caller learns what the model's template has against the messages."""
    with pytest.raises(TemplateError, match="must alternate") as caught:
        template("{{ raise_exception('roles must alternate') }}").render([USER])
    assert caught.value.reason == "roles must alternate"


def test_a_refused_system_message_joins_the_first_user_message() -> None:
    """Only where the template itself raises for the role."""
    messages = [SYSTEM, SYSTEM, USER, {"role": "assistant", "content": "Yes?"}]
    rendered = template(NO_SYSTEM).render(messages)
    assert rendered == "<user>Be kind.\n\nBe kind.\n\nHi<assistant>Yes?"


def test_a_system_message_the_template_takes_is_left_alone() -> None:
    """Even where other messages make it raise."""
    picky = "{% if messages|length > 2 %}{{ raise_exception('too many') }}{% endif %}ok"
    assert not template(picky).refuses_system_role
    with pytest.raises(TemplateError, match="too many"):
        template(picky).render([SYSTEM, USER, USER])


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].content.missing.deeper }}",
        "{{ 1 / 0 }}",
        "{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}",
        "{% include 'other' %}",
    ],
)
def test_what_a_template_must_not_do(source: str) -> None:
    """It ends as an error of the template, never as a fault of the server."""
    with pytest.raises(TemplateError):
        template(source).render([USER])


HOSTILE = {
    "a long text": "{{ ('a' * 10**9)|length }}",
    "a long list": "{{ ([1] * 10**9)|length }}",
    "a text doubled": "{% set x = 'ab' %}" + "{% set x = x ~ x %}" * 60 + "{{ x|length }}",
    "a text added": "{% set x = 'ab' %}" + "{% set x = x + x %}" * 60 + "{{ x|length }}",
    "a text repeated": "{% set x = 'ab' %}" + "{% set x = x|replace('a', x) %}" * 60 + "-",
    "a text joined": "{% set x = 'ab' %}" + "{% set x = x.join([x, x, x]) %}" * 60 + "-",
    "a block doubled": "{% set x = 'ab' %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 60 + "-",
    "many long texts": "{% set ns = namespace(x=[]) %}{% for i in range(99999) %}"
    "{% set ns.x = ns.x + ['a' * 100000 ~ i] %}{% endfor %}",
    "a list of itself, written": "{% set x = [1] %}" + "{% set x = [x, x] %}" * 60 + "{{ x }}",
    "tuples of themselves, compared": "{% set x = (1,) %}{% set y = (1,) %}"
    + "{% set x = (x, x) %}{% set y = (y, y) %}" * 60
    + "{{ x == y }}",
    "an object of itself, as JSON": "{% set x = {} %}"
    + "{% set x = dict(a=x, b=x) %}" * 60
    + "{{ x|tojson }}",
    "namespaces of themselves": "{% set x = namespace() %}"
    + "{% set x = namespace(a=x, b=x) %}" * 60
    + "{{ x }}",
    "a deep list": "{% set ns = namespace(x=()) %}{% for i in range(99999) %}"
    "{% set ns.x = (ns.x,) %}{% endfor %}{{ {ns.x: 1} }}",
    "nested loops": "{% for a in range(99999) %}{% for b in range(99999) %}"
    "{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
    "loops that find nothing": "{% for a in range(99999) %}{% for b in range(99999) if b < 0 %}"
    "{% endfor %}{% endfor %}",
    "loops in filters": "{% for a in range(99999) %}{{ range(99999)|list|length }}{% endfor %}",
    "a long range": "{% for a in range(10**9) %}{% endfor %}",
    "a wide range": "{{ range(0, 99999 * (2**61 - 1), 2**61 - 1)|unique|list|length }}",
    "loops over a text": "{% for a in 'x' * 5000 %}{% for b in 'x' * 5000 %}{% endfor %}{% endfor %}",
    "a recursive loop": "{% for a in [[1]] recursive %}{{ loop([a, a]) }}{% endfor %}",
    "a recursive macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a macro twice itself": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}"
    "{% endmacro %}{{ m(60) }}",
    "a recursive block": "{% block b %}{{ self.b() }}{{ self.b() }}{% endblock %}",
    "text of a template": "{% set x %}{% for a in range(99999) %}"
    + "y" * 100000
    + "{% endfor %}{% endset %}",
    "a width in %": "{{ '%1000000000d' % 1 }}",
    "a precision in %": "{{ '%.1000000000f' % 1 }}",
    "a width from an argument": "{{ '%*d' % (10**9, 1) }}",
    "a width in the filter": "{{ '%1000000000d'|format(1) }}",
    "a width in format": "{{ '{:1000000000d}'.format(1) }}",
    "a width in format from an argument": "{{ '{:{}}'.format(1, 10**9) }}",
    "a list of itself, formatted": "{% set x = 'a' * 10000 %}{{ '{0}' * 10000 }}"
    "{{ ('{0}' * 10000).format(x) }}{{ ('%s' * 9999) % (x,) }}",
    "the filter center": "{{ 'a'|center(10**9) }}",
    "the method center": "{{ 'a'.center(10**9) }}",
    "zfill": "{{ 'a'.zfill(10**9) }}",
    "expandtabs": "{{ '\t'.expandtabs(10**9) }}",
    "indent": "{{ ('a\n' * 10000)|indent(10**8) }}",
    "indent with a text": "{{ ('a\n' * 1000)|indent('b' * 100000) }}",
    "JSON indented": "{{ [1, 2]|tojson(indent=10**9) }}",
    "JSON separated": "{% set s = 'x' * 100000 %}{{ range(99999)|list|tojson(separators=(s, s)) }}",
    "a padded batch": "{{ [1]|batch(10**9, 2)|list|length }}",
    "many slices": "{{ [1]|slice(10**9)|list|length }}",
    "joined with much": "{% set s = 'a' * 1000000 %}{{ range(99999)|join(s)|length }}",
    "lists summed up": "{{ ([[1]] * 100000)|sum(start=[])|length }}",
    "powers": "{{ 10 ** (10 ** 10) }}",
    "a large product": "{% set ns = namespace(x=3) %}{% for i in range(99) %}"
    "{% set ns.x = ns.x * ns.x %}{% endfor %}",
    "bytes": "{{ (1).to_bytes(10**9, 'big')|length }}",
    "a translation": "{{ 'aaaa'.translate({97: 'b' * 1000000})|length }}",
    "slices": "{% set x = 'a' * 1000000 %}{% for i in range(99999) %}{% set y = x[1:] %}{% endfor %}",
    "searches": "{% set x = 'a' * 1000000 %}{% for i in range(99999) %}{{ 'b' in x }}{% endfor %}",
    "blind text": "{{ lipsum(n=10**6)|length }}",
    "words of its own": "{{ raise_exception('a' * 1000000) }}",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_what_a_template_computes_is_bounded(source: str) -> None:
    """In time, in memory, and in the words of the error."""
    started, peak_kb = time.thread_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TemplateError) as caught:
        template(source).render([USER])
    seconds = time.thread_time() - started
    growth_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_kb
    assert len(caught.value.reason) <= 500
    assert seconds < 2
    assert growth_kb < 100 * 1024


@pytest.mark.parametrize(
    "source",
    [
        "{{ " + "(" * 100000 + "1" + ")" * 100000 + " }}",
        "{{ " + "-" * 100000 + "1 }}",
        "{{ " + "+".join("1" * 5000) + " }}",
        "{{ a" + ".a" * 5000 + " }}",
        "{% for a in b %}" * 100 + "{% endfor %}" * 100,
        "{% if a %}" * 5000 + "{% endif %}" * 5000,
        "{#" * 100000,
        "x" * 300000,
    ],
    ids=lambda source: source[:16],
)
def test_sources_made_to_break_the_compiler(source: str) -> None:
    """Are refused as the server starts."""
    with pytest.raises(TemplateError, match="does not compile"):
        template(source)


def test_a_long_conversation_may_cost_more() -> None:
    """The budget grows with what the template is given."""
    loop = (
        "{% for m in messages %}{{ '<' + m.role + '>' + m.content.strip() + '</s>' }}{% endfor %}"
    )
    long = [{"role": "user", "content": "word " * 800_000}]
    many = [USER] * 20_000
    assert len(template(loop).render(long)) == 4_000_009
    assert len(template(loop).render(many)) == 20_000 * 12


def test_a_broken_template_is_found_at_once() -> None:
    """Not at the first request."""
    with pytest.raises(TemplateError, match="does not compile"):
        template("{% if %}")


def test_tools_and_further_variables_reach_the_template() -> None:
    """And it is known which names a template reads."""
    source = "{{ tools[0].function.name }}{{ enable_thinking }}{{ messages | length }}"
    rendered = template(source).render(
        [USER], tools=[{"function": {"name": "f"}}], variables={"enable_thinking": False}
    )
    assert rendered == "fFalse1"
    assert template(source).variables == {"tools", "enable_thinking", "messages"}
