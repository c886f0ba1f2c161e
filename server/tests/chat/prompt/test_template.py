"""Chat templates as models ship them."""

from __future__ import annotations

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
    """The most common format."""
    assert template(None).render([SYSTEM, USER]) == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_the_templates_own_message_is_kept() -> None:
    """The caller learns why the template refuses the messages."""
    with pytest.raises(TemplateError, match="must alternate") as caught:
        template("{{ raise_exception('roles must alternate') }}").render([USER])
    assert caught.value.reason == "roles must alternate"


def test_a_refused_system_message_joins_the_first_user_message() -> None:
    """Only if the template raises on the role."""
    messages = [SYSTEM, SYSTEM, USER, {"role": "assistant", "content": "Yes?"}]
    rendered = template(NO_SYSTEM).render(messages)
    assert rendered == "<user>Be kind.\n\nBe kind.\n\nHi<assistant>Yes?"


def test_a_system_message_that_the_template_renders_stays() -> None:
    """Even if other messages make it raise."""
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
        "{% set ns = namespace(_a=1) %}",
        "{{ dict.mro() }}",
        "{% include 'other' %}",
    ],
)
def test_forbidden_operations_are_errors_of_the_template(source: str) -> None:
    """Never a fault of the server."""
    with pytest.raises(TemplateError):
        template(source).render([USER])


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
def test_sources_that_break_the_compiler_are_refused(source: str) -> None:
    """When the template is built."""
    with pytest.raises(TemplateError, match="does not compile"):
        template(source)


def test_a_syntax_error_is_found_when_the_template_is_built() -> None:
    """Not at the first request."""
    with pytest.raises(TemplateError, match="does not compile"):
        template("{% if %}")


def test_tools_and_further_variables_reach_the_template() -> None:
    """And `variables` has the names that it reads."""
    source = "{{ tools[0].function.name }}{{ enable_thinking }}{{ messages | length }}"
    rendered = template(source).render(
        [USER], tools=[{"function": {"name": "f"}}], variables={"enable_thinking": False}
    )
    assert rendered == "fFalse1"
    assert template(source).variables == {"tools", "enable_thinking", "messages"}
