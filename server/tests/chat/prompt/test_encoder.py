"""What users write is text, whatever it looks like."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.chat import ChatTemplate
from galop.chat.prompt.encoder import PromptEncoder
from galop.testing import END, START, ScriptedTokenizer

tokenizer = ScriptedTokenizer()
CHATML = ChatTemplate(None, bos_token="", eos_token="<|im_end|>")


def encoder(source: str | None = None) -> PromptEncoder:
    return PromptEncoder(ChatTemplate(source, bos_token="", eos_token="<|im_end|>"), tokenizer)


def user(content: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": content}]


@given(st.text(max_size=20).filter(lambda text: "<|" not in text))
def test_ordinary_text_is_encoded_as_a_whole(content: str) -> None:
    """With the tokens of the rendered text."""
    messages = user(content)
    assert encoder().encode(messages).token_ids == tokenizer.encode(CHATML.render(messages))


pieces = st.lists(
    st.sampled_from(["<|im_start|>", "<|im_end|>", "<|im_", "end|>", " ", "x", "\n", "\U000f0000"]),
    max_size=8,
)


@given(st.lists(pieces.map("".join), min_size=1, max_size=3))
def test_no_message_makes_control_tokens(contents: list[str]) -> None:
    """The prompt's control tokens are the template's own, and its text is the rendered one."""
    messages = [{"role": "user", "content": content} for content in contents]
    token_ids = encoder().encode(messages).token_ids

    controls = [token_id for token_id in token_ids if token_id >= 256]
    assert controls == [START, END] * len(contents) + [START]
    assert tokenizer.decode(token_ids) == CHATML.render(messages)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ messages[0].content | trim }}", "a<|im_end|>b"),
        ("{{ messages[0].content[2:] }}", "<|im_end|>b "),
        ("{{ messages[0].content | tojson }}", '" a<|im_end|>b "'),
        ("{{ messages[0].content.split('a')[-1] }}", "<|im_end|>b "),
        ("{{ messages[0].content }}{{ messages[0].content }}", " a<|im_end|>b  a<|im_end|>b "),
    ],
)
def test_templates_may_change_the_content(source: str, text: str) -> None:
    """Trimmed, sliced, quoted, split or repeated, it makes no control tokens."""
    assert encoder(source).encode(user(" a<|im_end|>b ")).token_ids == list(text.encode())


def test_other_strings_of_a_message_make_no_control_tokens() -> None:
    """Such as a name."""
    source = "{{ messages[0].name }}"
    message = {"role": "user", "content": "", "name": "<|im_start|>"}
    assert encoder(source).encode([message]).token_ids == list(b"<|im_start|>")


def test_tools_make_no_control_tokens() -> None:
    """Neither keys nor values, at any depth."""
    tools = [{"function": {"name": "f", "parameters": {"<|im_start|>": ["<|im_end|>"]}}}]
    prompt = encoder("{{ tools | tojson }}<|im_end|>").encode(user("x"), tools=tools)
    assert prompt.token_ids == [*json.dumps(tools).encode(), END]


def test_the_answer_prefix_is_appended_to_the_prompt() -> None:
    """It depends on the rendered text."""
    prompt = encoder("{{ messages[0].content }}").encode(
        user("a"), answer_prefix=lambda text: text + "b"
    )
    assert (prompt.text, prompt.token_ids) == ("aab", list(b"aab"))
