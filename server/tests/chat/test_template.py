"""Chat templates, friendly and hostile."""

from __future__ import annotations

import pytest

from galop.chat.errors import TemplateError
from galop.chat.template import ChatTemplate

USER = {"role": "user", "content": "hi"}
SYSTEM = {"role": "system", "content": "Be brief."}


def template(source: str | None = None) -> ChatTemplate:
    return ChatTemplate(source, bos_token="<s>", eos_token="</s>")


def test_a_model_without_a_template_gets_chatml() -> None:
    """The assistant's turn is open at the end."""
    assert template().render([SYSTEM, USER]) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nhi<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_what_templates_of_the_hub_use_is_there() -> None:
    """Tokens, loop controls, tojson with characters as they are, strftime_now, trimmed blocks."""
    source = (
        "{{ bos_token }}{% for m in messages %}{% if loop.index > 1 %}{% break %}{% endif %}\n"
        "{{ m | tojson }}{% endfor %}{{ strftime_now('%Y')[:2] }}{{ eos_token }}"
    )
    rendered = template(source).render([{"role": "user", "content": "é"}, USER])
    assert rendered == '<s>{"role": "user", "content": "é"}20</s>'


def test_a_template_may_refuse_in_its_own_words() -> None:
    """raise_exception reaches the caller."""
    source = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(TemplateError, match="roles must alternate"):
        template(source).render([USER])


def test_where_system_messages_are_refused_they_join_the_first_user_message() -> None:
    """Gemma's template is of this kind."""
    source = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
        "{% endif %}{{ m.content }}|{% endfor %}"
    )
    assert template(source).render([SYSTEM, USER]) == "Be brief.\n\nhi|"


def test_a_template_that_does_not_compile_is_refused() -> None:
    """When the model is loaded, not at the first request."""
    with pytest.raises(TemplateError, match="does not compile"):
        template("{% for %}")


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ 1 / 0 }}",
        "{{ messages[0].nothing.at.all }}",
    ],
)
def test_a_hostile_template_gets_nowhere(source: str) -> None:
    """The sandbox refuses; the error is the template's, not ours."""
    with pytest.raises(TemplateError):
        template(source).render([USER])


def test_a_template_cannot_write_without_end() -> None:
    """The output is bounded while it is made."""
    source = "{% for i in range(99999) %}{% for j in range(9999) %}xxxxxxxx{% endfor %}{% endfor %}"
    with pytest.raises(TemplateError, match="16 million"):
        template(source).render([USER])
